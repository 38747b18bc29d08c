"""`lao plugin info`"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An installed plugin, a local project, or a path.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Show what a plugin is, needs and is allowed, without loading it."""
    from lao.cli.describe import describe
    from lao.cli.plugins import find
    from lao.store import Store

    store = Store()
    found = describe(find(name, store), store)
    if json:
        printer.json(found)
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    """Simple facts first, one on a line, then the lists."""
    blocks = {key: value for key, value in found.items() if _is_block(value) and key != "config_schema"}
    facts = {key: _text(value) for key, value in found.items() if not _is_block(value) and key != "relaxed"}
    if found.get("relaxed"):
        facts["relaxed"] = "needs a newer glibc, but only for weak symbols: a relaxed copy of it is loaded"
    width = max(len(key) for key in facts)
    for key, text in facts.items():
        printer.data(f"{key.ljust(width)}  {printer.clean(text)}")
    for key, value in blocks.items():
        printer.data(f"\n{key}:")
        for line in _lines(key, value):
            printer.data(f"  {printer.clean(line)}")


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def _lines(key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        from json import dumps

        as_written = key == "config"
        return [
            f"{name} = {dumps(item, ensure_ascii=False) if as_written else _text(item)}"
            for name, item in value.items()
        ]
    return [_line(key, item) for item in value]


def _line(key: str, item: dict[str, Any]) -> str:
    if key == "capabilities":
        line = f"{item['name']}: {item['input_type']} -> {item['output_type']}"
    elif key == "dependencies":
        line = f"{item['name']} {item['version']}" + (" (optional)" if item["optional"] else "")
    else:
        line = str(item["name"])
    description = item.get("description")
    return f"{line} ({description})" if description else line
