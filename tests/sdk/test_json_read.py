"""`lao::JsonValue` against Python's reader: the same documents are read, to the same values, and nothing else is."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lao.paths import include_dir

HERE = Path(__file__).parent
LEVELS = 128


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("json") / "json_read"
    flags = [
        "-std=c++17",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover",
    ]
    command = ["c++", *flags, f"-I{include_dir()}", str(HERE / "json_read.cpp"), "-o", str(made)]
    subprocess.run(command, check=True, timeout=200)
    return made


def read(program: Path, documents: list[bytes]) -> list[str]:
    """What the program makes of each."""
    data = b"".join(b"%d\n%s" % (len(document), document) for document in documents)
    done = subprocess.run([program], input=data, capture_output=True, check=True, timeout=100)
    return done.stdout.decode().split("\n")[:-1]  # lines of texts may have other breaks in them


def expected(document: bytes) -> Any:
    """The value; ValueError for what is no JSON."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    text = document.decode()
    value = json.loads(text, parse_constant=refuse, parse_float=str, parse_int=str)
    json.dumps(value, ensure_ascii=False).encode()  # half characters cannot be written
    return value


DOCUMENTS: list[Any] = [
    None,
    True,
    [],
    {},
    "",
    'q"\\/\b\f\n\r\t\x7f\u0000é😀\u2028',
    {"": {"": [[], {}, [None, {"a": [1, -2.5e-3, 1e300, 12345678901234567890]}]]}},
    ["x" * 5000],
    list(range(300)),
]
WRONG = [
    b"", b" ", b"nul", b"truefalse", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"]", b"{", b'{"a"', b'{"a":', b'{"a":1,}',
    b"{a:1}", b"{'a':1}", b'"', b'"a', b'"\\', b'"\\u12', b'"\\x"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"',
    b'"\x01"', b'"\xff"', b"\xef\xbb\xbf1", b"01", b"-", b"+1", b".5", b"1.", b"1e", b"1e+", b"0x1", b"NaN",
    b"Infinity", b"-Infinity", b"1 2", b"[1] x", b"//\n1", b"\x00", b"1\x00",
]  # fmt: skip


def test_documents_come_back_as_they_were(program: Path) -> None:
    written = [
        json.dumps(document, ensure_ascii=ascii_only).encode()
        for document in DOCUMENTS
        for ascii_only in (0, 1)
    ]
    for document, back in zip(written, read(program, written), strict=True):
        assert expected(back.encode()) == expected(document)


def test_numbers_keep_their_digits(program: Path) -> None:
    numbers = ["0", "-0", "1.50", "12345678901234567890123", "1e400", "-1E-400", "0.1e+1"]
    assert read(program, [number.encode() for number in numbers]) == numbers


def test_what_is_no_json_is_refused_with_its_place(program: Path) -> None:
    for document, said in zip(WRONG, read(program, WRONG), strict=True):
        assert said.startswith("error: not JSON"), document
    places = {
        b'{"a":\n 1,\n b}': "line 3 column 2",
        b"[1,]": "line 1 column 4",
        b"[1] x": "line 1 column 5",
        b"": "line 1 column 1",
    }
    for said, place in zip(read(program, list(places)), places.values(), strict=True):
        assert place in said


def test_depth_is_bounded(program: Path) -> None:
    deepest = b"[" * LEVELS + b"]" * LEVELS
    deeper, endless = b"[" + deepest + b"]", b'{"a":[' * 200_000
    fits, *others = read(program, [deepest, deeper, endless])
    assert fits == deepest.decode()
    assert all("nests too deep" in said for said in others)


def test_mutated_documents_are_read_as_python_does(program: Path) -> None:
    source = random.Random(20260607)
    seeds = [json.dumps(document).encode() for document in DOCUMENTS] + WRONG
    documents = []
    for _ in range(20_000):
        data = bytearray(source.choice(seeds)[:200])
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(data) + 1)
            piece = source.choice(
                [bytes([source.randrange(256)]), b'"', b"\\", b"\\u", b"d800", b"[", b"}", b",", b"1", b"e"]
            )
            data[at : at + source.randrange(3)] = piece
        documents.append(bytes(data))
    accepted = 0
    for document, said in zip(documents, read(program, documents), strict=True):
        try:
            value = expected(document)
        except ValueError:
            assert said.startswith("error: "), document
        else:
            accepted += 1
            assert expected(said.encode()) == value, document
    assert accepted > 300  # or nothing was compared
