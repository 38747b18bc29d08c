"""The reference of the C ABI, made from the headers themselves and from the record of their byte offsets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["extensions", "headers", "status_codes"]

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include" / "lao"
OFFSETS = ROOT / "tests" / "native" / "offsets.json"

# In the order in which one reads them.
HEADERS = (
    "abi.h", "plugin.h", "host.h", "value.h", "status.h",
    "ext/stream.h", "ext/batch.h", "ext/state.h", "ext/lifecycle.h", "ext/events.h", "ext/services.h", "vtable.h",
)  # fmt: skip

_ITEM = re.compile(
    r"""
    (?P<comment>/\*.*?\*/)
  | (?P<define>\#define\ (?P<macro>\w+)(?:\\\n|[^\n])*)
  | (?P<other>\#(?:\\\n|[^\n])*)
  | (?P<struct>typedef\ struct\ (?P<tag>\w+)\ \{.*?^\}\ (?P<name>\w+);(?:\ */\*.*?\*/)?)
  | (?P<enum>enum\ \{.*?\};(?:\ */\*.*?\*/)?)
  | (?P<function>static\ inline\ (?P<prototype>[^{;]+)\{.*?^\})
  | (?P<macro_call>[A-Z_]+$)
  | (?P<declaration>[A-Za-z][^;{]*;(?:\ */\*[^\n]*?\*/)?)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class _Item:
    """One thing that a header says, with the comment above it."""

    kind: str
    text: str
    name: str
    comment: str


def extensions() -> str:
    """The ids under which the two sides fetch each other's tables."""
    lines = ["| id | header | offered by the |", "|---|---|---|"]
    for header in HEADERS:
        text = (INCLUDE / header).read_text("utf-8")
        for name, one in re.findall(r'^#define (LAO_EXT_\w+) "([\w.]+/\d+)"', text, re.MULTILINE):
            stem = name.removeprefix("LAO_EXT_").lower()
            sides = [side for side in ("host", "plugin") if f"}} lao_{stem}_{side}_t;" in text]
            if not sides:
                raise ValueError(f"{header}: nobody offers {one}")
            lines.append(f"| `{one}` | [`{header}`](#{_anchor(header)}) | {' and the '.join(sides)} |")
    return "\n".join(lines)


def status_codes() -> str:
    """The table of status codes."""
    text = (INCLUDE / "status.h").read_text("utf-8")
    rows = re.findall(r'X\((\w+), (\d+), ([PH]), (\w+), "([^"]*)"\)', text)
    lines = ["| constant | value | set by | in Python | meaning |", "|---|---|---|---|---|"]
    for name, value, who, python, message in rows:
        side = {"P": "plugin and host", "H": "host"}[who]
        error = "" if python == "None" else f"`lao.{python}`"
        lines.append(f"| `LAO_{name}` | {value} | {side} | {error} | {message} |")
    return "\n".join(lines)


def headers() -> str:
    """Every header: what it says of itself, its constants, and its structs with the offset and size of each field."""
    record = json.loads(OFFSETS.read_text("utf-8"))
    if record["lp64"] != record["win64"]:
        raise ValueError("the two data models differ: the page would have to say how")
    parts = []
    known = set()
    for header in HEADERS:
        about, items = _read(header)
        parts.append(f"## {header}\n\n{about}")
        parts.append(f"`#include <lao/{header}>`" if header == "vtable.h" else "")
        for item in items:
            if item.kind == "struct":
                known.add(item.name)
                parts += [
                    f"### {item.name}",
                    item.comment,
                    _code(item.text),
                    _layout(record["lp64"][item.name]),
                ]
            else:
                parts += [item.comment, _code(item.text)]
    missing = record["lp64"].keys() - known
    if missing:
        raise ValueError(f"structs that are recorded and in no header: {sorted(missing)}")
    return "\n\n".join(part for part in parts if part)


def _read(header: str) -> tuple[str, list[_Item]]:
    """What the header says of itself, and its items; constants that follow each other are one."""
    text = (INCLUDE / header).read_text("utf-8")
    items: list[_Item] = []
    about, above = "", ""
    end = 0
    for match in _ITEM.finditer(text):
        between = text[end : match.start()]
        if between.strip():
            raise ValueError(f"{header}: what is `{between.strip()[:60]}`?")
        adjacent, end = between.count("\n") < 2, match.end()
        if match["comment"]:
            prose = _prose(match["comment"])
            if not about:
                about = prose
            else:
                above = "" if prose.startswith("---") else prose
            continue
        kind = match.lastgroup or ""
        item = _item(match, above)
        if item is None:
            above = above if kind == "macro_call" else ""
            continue
        if item.kind == "define" and items and items[-1].kind == "define" and adjacent and not above:
            last = items.pop()
            item = _Item("define", f"{last.text}\n{item.text}", last.name, last.comment)
        items.append(item)
        above = ""
    return about, items


def _item(match: re.Match[str], above: str) -> _Item | None:
    """None for what is no part of the reference: include guards, conditions, helpers of a macro."""
    if match["define"]:
        text, name = match["define"], match["macro"]
        bare = re.fullmatch(r"#define \w+", text.strip()) is not None
        if bare or name.startswith("LAO__") or name in ("LAO_STATUS_LIST", "LAO_EXPORT", "LAO_CALL"):
            return None
        if name.startswith("LAO_EXTERN_C"):
            return None
        return _Item("define", _joined(text), name, above)
    if match["struct"]:
        return _Item("struct", match["struct"], match["name"], above)
    if match["enum"]:
        if "LAO__" in match["enum"]:  # made from a list that has a table of its own
            return None
        return _Item("enum", match["enum"], "", above)
    if match["function"]:
        return _Item("function", f"static inline {match['prototype'].strip()};", "", above)
    if match["declaration"]:
        return _Item("declaration", match["declaration"], "", above)
    return None


def _layout(fields: dict[str, list[int]]) -> str:
    size, alignment = fields[""]
    cells = [f"| `{name}` | {offset} | {bytes_} |" for name, (offset, bytes_) in fields.items() if name]
    return "\n".join(
        [f"{size} bytes, aligned to {alignment}.", "", "| field | offset | bytes |", "|---|---|---|", *cells]
    )


def _prose(comment: str) -> str:
    """A comment as Markdown: without its stars; lists and tags keep their lines."""
    inner = comment.removeprefix("/*").removesuffix("*/")
    lines = [re.sub(r"^ ?\* ?", "", line).rstrip() for line in inner.split("\n")]
    lines[0] = lines[0].strip()
    paragraphs: list[str] = []
    for line in lines:
        bullet = line.strip().startswith("- ")
        tag = re.match(r"\s+(\[[a-z]+: [^]]*\])\s+(.+)", line)
        if not line.strip():
            paragraphs.append("")
        elif bullet:
            paragraphs.append(line.strip())
        elif tag:
            paragraphs.append(f"- `{tag[1]}` {tag[2]}")
        elif paragraphs and paragraphs[-1]:
            paragraphs[-1] += f" {line.strip()}"
        else:
            paragraphs.append(line.strip())
    text = "\n".join(paragraphs).strip()
    text = re.sub(r"\n+- ", "\n- ", text)  # a list in one piece,
    text = re.sub(r"^(?!- )(.*)\n- ", r"\1\n\n- ", text, flags=re.MULTILINE)  # away from what is above it
    return _escaped(re.sub(r"\n{3,}", "\n\n", text))


def _escaped(text: str) -> str:
    """Names of the ABI as code, and nothing that Markdown would take for markup."""
    return re.sub(r"(?<![`\w])((?:LAO|lao)_\w+\*?|\w+_size|struct_size)(?![`\w])", r"`\1`", text).replace(
        "<", "\\<"
    )


def _joined(define: str) -> str:
    return re.sub(r"\s*\\\n\s*", " ", define)


def _code(text: str) -> str:
    return f"```c\n{text}\n```"


def _anchor(header: str) -> str:
    return header.replace("/", "").replace(".", "")
