"""Byte offsets and sizes of every published struct of include/lao, for LP64 and Win64.

`offsets.json` is the record. `python tests/native/offsets.py` writes it anew from the headers, deliberately: a field
that moved, or changed its size, breaks every plugin that was built before.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
RECORD = HERE / "offsets.json"

MODELS = ("lp64", "win64")
"""Data models: what the offsets depend on."""


@dataclass(frozen=True)
class Struct:
    """A published struct, as its header declares it."""

    name: str
    header: str
    fields: tuple[str, ...]


def headers() -> list[str]:
    """The headers that cross between host and plugin, relative to include/: what lao.h includes, and the table of 0.x.

    Helpers that are compiled into one side only are free to change.
    """
    found = ["lao/lao.h", "lao/vtable.h"]
    for header in found:
        text = (INCLUDE / header).read_text()
        for name in re.findall(r'^#include "([^"]+)"', text, flags=re.M):
            path = os.path.normpath(os.path.join(os.path.dirname(header), name))
            if path not in found:
                found.append(path)
    return sorted(found)


def published_structs() -> list[Struct]:
    """Every `typedef struct x { ... } x_t;` of the headers, in order."""
    found = []
    for header in headers():
        text = re.sub(r"/\*.*?\*/", " ", (INCLUDE / header).read_text(), flags=re.S)
        for tag, body, name in re.findall(r"typedef\s+struct\s+(\w+)\s*\{([^{}]*)\}\s*(\w+)\s*;", text):
            assert name == f"{tag}_t", f"{header}: struct {tag} is called {name}"
            fields = tuple(field for one in body.split(";") if one.strip() for field in _field_names(one))
            found.append(Struct(name, header, fields))
        bodies = re.findall(r"\bstruct\s+\w+\s*\{", text)
        assert len(bodies) == sum(one.header == header for one in found), (
            f"{header}: a struct was not understood"
        )
    return found


def _field_names(declaration: str) -> list[str]:
    function = re.search(r"\(\s*(?:LAO_CALL\s*)?\*\s*(\w+)\s*\)\s*\(", declaration)
    if function:
        return [function.group(1)]
    names = [re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*$", one) for one in declaration.split(",")]
    assert all(names), declaration
    return [name.group(1) for name in names if name]


def compiler(model: str) -> list[str] | None:
    """The command that compiles for a data model, or None where there is none."""
    if model == "lp64":
        cc = shutil.which("cc")
        return [cc] if cc and sys.maxsize > 2**32 and sys.platform != "win32" else None
    if importlib.util.find_spec("ziglang") is None:
        return None
    return [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu"]


def run_compiler(command: list[str], source: str) -> subprocess.CompletedProcess[str]:
    """Compiles C source text to assembly, which becomes the `stdout` of what is returned."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "offsets.c"
        file.write_text(source)
        output = Path(scratch) / "offsets.out"
        done = subprocess.run(
            [*command, "-std=c11", "-S", "-O0", "-g0", f"-I{INCLUDE}", str(file), "-o", str(output)],
            capture_output=True,
            text=True,
            check=False,
        )
        if output.is_file():
            done.stdout = output.read_text()
        return done


def _includes() -> str:
    return "#include <stddef.h>\n" + "".join(f"#include <{header}>\n" for header in headers())


def measure(model: str) -> dict[str, dict[str, list[int]]]:
    """{struct: {"": [size, alignment], field: [offset, size]}} as the model's compiler lays it out, without running
    anything: the numbers are read from its assembly.

    Raises RuntimeError when there is no compiler for the model or it refuses the headers.
    """
    command = compiler(model)
    if command is None:
        raise RuntimeError(f"there is no compiler for {model}")
    keys: list[tuple[str, str]] = []
    values: list[str] = []
    for struct in published_structs():
        keys.append((struct.name, ""))
        values += [f"sizeof({struct.name})", f"_Alignof({struct.name})"]
        for field in struct.fields:
            keys.append((struct.name, field))
            values += [f"offsetof({struct.name}, {field})", f"sizeof((({struct.name} *)0)->{field})"]
    # One more than each number: an assembler listing writes zeros in other ways.
    numbers = ",\n".join(f"(unsigned long long)({value}) + 1" for value in values)
    table = "const unsigned long long table[]"
    source = f"{_includes()}\nextern {table};\n{table} = {{\n{numbers}}};\n"
    done = run_compiler(command, source)
    found = [int(number) - 1 for number in re.findall(r"^\s*\.quad\s+(\d+)\b", done.stdout, flags=re.M)]
    if done.returncode != 0 or len(found) != len(values):
        raise RuntimeError(f"cannot measure for {model}: {done.stderr}")
    layout: dict[str, dict[str, list[int]]] = {}
    for (name, field), pair in zip(keys, zip(found[::2], found[1::2], strict=True), strict=True):
        layout.setdefault(name, {})[field] = list(pair)
    return layout


def assertions(layout: dict[str, dict[str, list[int]]]) -> str:
    """C source that compiles only if the headers have this layout."""
    lines = [_includes()]
    for name, fields in layout.items():
        for field, (first, second) in fields.items():
            if field:
                checks = [(f"offsetof({name}, {field})", first), (f"sizeof((({name} *)0)->{field})", second)]
            else:
                checks = [(f"sizeof({name})", first), (f"_Alignof({name})", second)]
            lines += [
                f'_Static_assert({what} == {number}, "{what} is not {number}");' for what, number in checks
            ]
    return "\n".join(lines) + "\n"


def read_record() -> dict[str, dict[str, dict[str, list[int]]]]:
    """The record: {model: layout}."""
    return dict(json.loads(RECORD.read_text()))


def write_record() -> None:
    """Measures and writes the record anew."""
    layouts = {model: measure(model) for model in MODELS}
    text = json.dumps(layouts, indent=1)
    RECORD.write_text(re.sub(r"\[\s*(\d+),\s*(\d+)\s*\]", r"[\1, \2]", text) + "\n")


if __name__ == "__main__":
    write_record()
    print(f"wrote {RECORD}")
