"""Mutation fuzzing of the template `data-processor`: the readers, the writers and the expressions in C++ under ASan and
UBSan, and the plugin in C++ against the one in Rust. `make fuzz` runs this file as a script, and longer; see
`test_package_parsers.py` for its time and seed."""

import os
from pathlib import Path
from typing import Any

import pytest

import lao
from lao.paths import templates_dir
from tests.fuzz.fed_program import build, fuzz_program
from tests.fuzz.test_package_parsers import fuzz
from tests.templates.made import make

pytestmark = pytest.mark.matrix  # compiling it takes half a minute

SEEDS = [
    b'[{"a": 1.10, "b": "x\\u00e9\\ud83d\\ude00", "c": [1, {"d": null}]},\n {"a": -2, "b": true, "c": {}}]',
    b'{"a":12345678901234567890,"b":"\\"","c":1e5}\n{"a":"7","b":null,"c":"\xc3\xa4"}\n',
    b'a,b,c\r\n1,"two\nlines","say ""hi"""\r\n2.5,,x\r\n',
    b"\xef\xbb\xbfa,b\n\xe6\xbc\xa2,\xf0\x9f\x98\x80\n",
    b'<?xml version="1.0" encoding="UTF-8"?><!-- c --><r><x a="1" b="&lt;&#228;"><b>y</b><b>z</b><![CDATA[<raw>]]>'
    b'</x><x><field name="odd name">1</field>t<?p i?></x></r>',
    b"a + 2 * -c.0.a.0 >= round(1.5, 0) and not contains(b, 'x''y') or if(a == null, `odd name`, concat(b, 1e3))",
    b"coalesce(number('1.5'), length(upper(b)) % 3, (a - 1) / 2) != 7",
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = (templates_dir() / "cpp" / "data-processor" / "src").glob("*.cpp")
    driver = Path(__file__).with_name("data_processor.cpp")
    return build(
        tmp_path_factory.mktemp("fuzz") / "data_processor",
        driver,
        sorted(source for source in sources if source.name != "plugin.cpp"),
        ("expat",),
    )


def test_fuzz_documents_and_expressions(program: Path) -> None:
    fuzz_program("documents and expressions", program, SEEDS)


STEPS = [
    {"cast": {"a": "number"}, "invalid": "null"},
    {"derive": {"x": "a * 2", "y": "concat(b, '-', c)", "z": "coalesce(number(b), c.d, c.0)"}},
    {"aggregate": {"by": ["b"], "compute": {"n": "count()", "s": "sum(x)", "m": "mean(x)", "y": "last(y)"}}},
    {"sort": ["-n", "y"]},
]


def answer(plugin: lao.Plugin, data: bytes, **params: Any) -> tuple[str, bytes]:
    try:
        return "written", bytes(plugin.call("transform", data, **params))
    except lao.InvalidInput:
        return "refused", b""


def test_fuzz_both_languages_alike(program: Path, tmp_path: Path) -> None:
    with lao.Host() as host:
        plugins = []
        for language in ("cpp", "rust"):
            project = make("data-processor", language, tmp_path / f"{language}-data").project
            plugins.append(host.load(project.directory, isolation="process"))

        def target(data: bytes) -> None:
            for to in ("ndjson", "csv", "xml"):
                for steps in ([], STEPS):
                    cpp, rust = (answer(plugin, data, to=to, steps=steps) for plugin in plugins)
                    if cpp != rust:
                        raise AssertionError(f"to {to}: cpp {cpp!r}, rust {rust!r}")

        fuzz("both languages", SEEDS[:-2], target)
        assert [plugin.stats.restarts for plugin in plugins] == [0, 0]


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-m", "matrix"]))
