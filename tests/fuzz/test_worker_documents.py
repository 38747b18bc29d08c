"""Mutation fuzzing of what a worker sends that Python reads: questions, JSON documents, and what a library says of
itself. `make fuzz` runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import json
import math
import os
import random
from typing import Any

import pytest

from lao.errors import LaoError
from lao.host.claims import check_form
from lao.host.describe import read_description
from lao.host.services.documents import parse_json, parse_object
from lao.host.services.framing import HEAD_BYTES, FrameReader, Question
from lao.host.services.service import Service
from lao.paths import home
from tests.fuzz.test_package_parsers import fuzz


def frame(service: Service, header: bytes, body: bytes = b"", *, id: int = 1) -> bytes:
    """A sound question."""
    numbers = (len(header) + len(body), id, int(service), 0, len(header), 0)
    return b"".join(number.to_bytes(4, "little") for number in numbers) + header + body


FRAMES = [
    frame(Service.SCRATCH, b'{"key": "a"}', b"some bytes"),
    frame(Service.FILES, b'{"path": "a/b", "mode": 1}')
    + frame(Service.EVENTS, b'{"name": "x"}', b"{}", id=2),
    b"".join(frame(Service.PROGRESS, b'{"fraction": 0.5}', id=0) for _ in range(20)),
]
DOCUMENTS = [
    b'{"url": "http://example.org/", "headers": {"a": "b"}, "timeout_s": 5}',
    b'{"a": [1, 2.5e3, -0, true, null, "\\ud83c\\udfb5", {"b": {}}], "c": "\xc3\xa4"}',
    b"[[[[[[[[1]]]]]]]]",
]
CAPABILITY = {
    "name": "echo",
    "description": None,
    "input_kind": 1,
    "output_kind": 1,
    "flags": 0,
    "max_batch": 0,
    "input_schema": None,
    "output_schema": '{"type": "string"}',
    "params_schema": None,
}
CLAIM = dict.fromkeys(
    "called name version description author dependencies tags input_schema output_schema capabilities".split()
)
DESCRIPTION: dict[str, Any] = {
    "abi": "lao/1",
    "abi_version": 65536,
    "name": "a",
    "version": "1.0.0",
    "description": None,
    "thread_role": 1,
    "capabilities": [CAPABILITY, {**CAPABILITY, "name": "other"}],
}
OLD = {**DESCRIPTION, "abi": "lao/0.x", "layout": 64, "claim": {**CLAIM, "capabilities": '["a", "b"]'}}


def questions_of(data: bytes, pieces: random.Random | None = None) -> tuple[list[Question], str]:
    """What is read of these bytes, and with what it ended; given at once, or in pieces."""
    reader, found, at = FrameReader(), list[Question](), 0
    try:
        while at < len(data):
            step = pieces.randrange(1, 50) if pieces else len(data)
            reader.feed(data[at : at + step])
            at += step
            while (question := reader.next()) is not None:
                found.append(question)
    except LaoError as error:
        return found, str(error)
    assert reader.waiting <= len(data)
    return found, ""


def test_fuzz_questions() -> None:
    random_ = random.Random(7)

    def target(data: bytes) -> None:
        whole = questions_of(data)
        assert questions_of(data, random_) == whole  # however it arrives
        assert sum(HEAD_BYTES + len(one.header) + len(one.body) for one in whole[0]) <= len(data)

    fuzz("questions", FRAMES, target)


def test_fuzz_documents() -> None:
    def target(data: bytes) -> None:
        for parse in (parse_json, parse_object):
            value = parse(data)
            if data:
                again = json.dumps(value, allow_nan=False)  # whoever reads it next reads the same
                assert parse_json(again.encode()) == value

    fuzz("documents", DOCUMENTS, target)


def test_fuzz_descriptions() -> None:
    def target(data: bytes) -> None:
        raw = check_form(parse_json(data), plugin="fuzz")
        description = read_description(raw, None, home() / "libfuzz.so")
        assert description.capabilities or description.abi == "lao/0.x"
        assert all(math.isfinite(one.max_batch) for one in description.capabilities)

    fuzz("descriptions", [json.dumps(seed).encode() for seed in (DESCRIPTION, OLD)], target)


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
