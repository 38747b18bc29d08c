"""Version 1 of the ABI as it was published: where every field lies and how it is declared, and what every constant is
worth.

`version_1.json` is the record. `python tests/abi/frozen.py` adds to it what the headers have more, and changes nothing
of what is in it: a struct grows at its end, and a constant keeps its value, for as long as the major version is 1.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.native import offsets  # found by the line above when this file is run

RECORD = Path(__file__).with_name("version_1.json")
VERSIONS = ("LAO_ABI_MINOR", "LAO_ABI_VERSION")
"""Constants that are meant to change."""


def constants() -> dict[str, int | str]:
    """Every constant of the headers: enumerators and simple macros, by name. Numbers are measured, texts read."""
    text = "".join((offsets.INCLUDE / header).read_text() for header in offsets.headers())
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    found: dict[str, int | str] = dict(re.findall(r'^#define (LAO_\w+) "([^"]*)"', text, re.MULTILINE))
    names = re.findall(r"^#define (LAO_\w+) \(?[^\s\\]", text, re.MULTILINE)
    for body in re.findall(r"\benum \{([^{}]*)\};", text):
        names += re.findall(r"\b(LAO_[A-Z0-9_]+)\s*(?:=|,|$)", body)
    names += [f"LAO_{name}" for name in re.findall(r"\bX\(([A-Z_]+), \d+", text)]
    macros = {"LAO_CALL", "LAO_EXPORT", "LAO_EXTERN_C_BEGIN", "LAO_EXTERN_C_END"}
    numbers = sorted({name for name in names if name not in found and not name.startswith("LAO__")} - macros)
    values = ",\n".join(f"(unsigned long long)({name}) + 1" for name in numbers)
    table = "const unsigned long long table[]"
    source = f"{offsets._includes()}\nextern {table};\n{table} = {{\n{values}}};\n"
    command = offsets.compiler("lp64")
    if command is None:
        raise RuntimeError("there is no compiler")
    done = offsets.run_compiler(command, source)
    measured = [int(number) - 1 for number in re.findall(r"^\s*\.quad\s+(\d+)\b", done.stdout, re.MULTILINE)]
    if done.returncode != 0 or len(measured) != len(numbers):
        raise RuntimeError(f"cannot measure: {done.stderr}")
    found |= dict(zip(numbers, measured, strict=True))
    return {name: found[name] for name in sorted(found) if name not in VERSIONS}


def structs() -> dict[str, dict[str, list[int]]]:
    """Offset and size of every field, by struct; both data models agree (tests/native/test_offsets.py)."""
    record = offsets.read_record()["lp64"]
    return {
        name: {field: place for field, place in fields.items() if field}
        for name, fields in sorted(record.items())
    }


def declarations() -> dict[str, str]:
    """Every field as it is declared, without comments: two types of one size are not the same."""
    found = {}
    for header in offsets.headers():
        text = re.sub(r"/\*.*?\*/", " ", (offsets.INCLUDE / header).read_text(), flags=re.DOTALL)
        for body, name in re.findall(r"typedef\s+struct\s+\w+\s*\{([^{}]*)\}\s*(\w+)\s*;", text):
            for one in filter(str.strip, body.split(";")):
                for field in offsets._field_names(one):
                    found[f"{name}.{field}"] = " ".join(one.split())
    return found


def read_record() -> dict[str, Any]:
    """What was published."""
    return dict(json.loads(RECORD.read_text("utf-8")))


def broken(record: dict[str, Any]) -> list[str]:
    """What the headers say otherwise than the record, or do not say any more."""
    problems = []
    now = {"constants": constants(), "structs": structs()}
    for name, value in record["constants"].items():
        if now["constants"].get(name) != value:
            problems.append(f"{name} was {value!r} and is {now['constants'].get(name)!r}")
    for name, fields in record["structs"].items():
        there: Any = now["structs"].get(name)
        if there is None:
            problems.append(f"{name} has gone")
            continue
        for field, place in fields.items():
            if there.get(field) != place:
                problems.append(f"{name}.{field} was at {place} and is at {there.get(field)}")
        end = max(offset + size for offset, size in fields.values())
        for field in there.keys() - fields.keys():
            if there[field][0] < end:
                problems.append(f"{name}.{field} is new, and not at the end")
    said = declarations()
    for name, declaration in record["declarations"].items():
        if name in said and said[name] != declaration:
            problems.append(f"{name} was declared `{declaration}` and is `{said[name]}`")
    return problems


def missing(record: dict[str, Any]) -> list[str]:
    """What the headers have more than the record."""
    names = [name for name in constants() if name not in record["constants"]]
    for name, fields in structs().items():
        names += [f"{name}.{field}" for field in fields if field not in record["structs"].get(name, {})]
    return names


def main() -> int:
    """Adds what is new."""
    record = read_record() if RECORD.is_file() else {"constants": {}, "structs": {}, "declarations": {}}
    problems = broken(record)
    if problems:
        sys.stderr.write("\n".join(["this breaks what was published:", *problems]) + "\n")
        return 1
    text = json.dumps(
        {"constants": constants(), "structs": structs(), "declarations": declarations()}, indent=1
    )
    RECORD.write_text(re.sub(r"\[\s*(\d+),\s*(\d+)\s*\]", r"[\1, \2]", text) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
