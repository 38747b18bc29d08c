"""`lao plugin create`"""

from __future__ import annotations

from typing import Annotated

import typer

from lao.cli import printer

__all__ = ["command"]


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The plugin's name.")],
    template: Annotated[
        str,
        typer.Option(
            help="What it is made from: basic, ai-model, audio-processor, data-processor, image-processor, "
            "network-service."
        ),
    ] = "basic",
    lang: Annotated[
        str | None, typer.Option(metavar="rust|cpp|c", help="Rust if not given; C++ where there is no cargo.")
    ] = None,
    author: Annotated[str, typer.Option(metavar='"NAME <MAIL>"', help="Who writes it.")] = "Plugin Developer",
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it does, in one line.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="DIRECTORY", help="Where to; plugins/NAME if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> int:
    """Make a plugin project from a template."""
    import os
    import shutil
    from pathlib import Path

    from lao.model.names import check_plugin_name
    from lao.templates import LANGUAGES, create_project

    check_plugin_name(name)
    if lang is None:
        lang = "rust" if shutil.which("cargo") else "cpp"
        if lang == "cpp":
            printer.note(
                "there is no cargo here, so the project is in C++; `--lang` chooses another language"
            )
    directory = Path(output) if output is not None else Path("plugins") / name
    description = description if description is not None else f"The plugin {name}"
    files = create_project(
        name, directory, template=template, language=lang, author=author, description=description
    )
    if json:
        printer.json(
            {"name": name, "directory": os.path.abspath(directory), "language": lang, "template": template}
            | {"files": [file.as_posix() for file in files]}
        )
        return 0
    printer.note(f"created `{name}` in {directory}: the template `{template}` in {LANGUAGES.get(lang, lang)}")
    sample = next((f" --input @{file}" for file in files if file.stem == "sample"), "")
    enter = "" if os.path.samefile(directory, os.curdir) else f"  cd {directory}\n"
    printer.note(f"\nnext:\n{enter}  lao plugin build --release\n  lao plugin test{sample}")
    return 0
