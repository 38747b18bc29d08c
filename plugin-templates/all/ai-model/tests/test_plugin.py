"""The plugin as its users see it, through LAO. Run by `lao plugin test`, after a build."""

import asyncio
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest

import lao

PLUGIN = Path(__file__).resolve().parent.parent


@pytest.fixture(params=["process", "none"], scope="module")
def plugin(request):
    with lao.Host() as host:
        yield host.load(PLUGIN, isolation=request.param)


def load(**settings):
    return lao.Host().load(PLUGIN, isolation="process", config=settings)


def test_it_answers(plugin):
    answer = plugin("Hello, World!")
    assert answer["label"] == "letter"
    assert answer["scores"]["letter"] == pytest.approx(10 / 13)
    assert (answer["tokens"], answer["cut"]) == (13, False)
    assert answer["provider"] in ("CPUExecutionProvider", "CUDAExecutionProvider")
    assert plugin("")["scores"]["letter"] == 0


def test_versions_side_by_side(plugin):
    first, second = plugin.call("models")["models"]
    assert (first["name"], first["version"]) == ("characters-1", 1)
    assert (second["name"], second["version"]) == ("characters-2", 2)
    for model in (first, second):
        assert hashlib.sha256(Path(model["path"]).read_bytes()).hexdigest() == model["sha256"]
        answer = plugin.call("process", "HELLO", model=model["name"])
        assert (answer["model"], answer["sha256"]) == (model["name"], model["sha256"])
    assert plugin.call("process", "HELLO", model="characters-2")["label"] == "upper"
    with pytest.raises(lao.InvalidInput, match="characters-1, characters-2"):
        plugin.call("process", "HELLO", model="characters-3")


def test_batches_answer_as_single_texts_do(plugin):
    texts = ["", "a", "Hello, World!", "12345" * 20, "ü" * 7, "  "] * 20
    assert list(plugin.map("process", texts)) == [plugin.call("process", text) for text in texts]


def test_asynchronous_calls(plugin):
    async def both():
        return await asyncio.gather(*(plugin.acall("process", text) for text in ("abc", "123", "   ")))

    assert [answer["label"] for answer in asyncio.run(both())] == ["letter", "digit", "space"]


def test_arrays(plugin):
    tokens = np.array([[65, 66, 49, 256]], dtype=np.int64)
    scores = np.asarray(plugin.call("predict", tokens))
    assert scores.dtype == np.float32
    assert scores == pytest.approx(np.array([[2 / 3, 1 / 3, 0, 0, 0]]))
    many = plugin.call("predict", np.repeat(tokens, 5, axis=0)[::-2], output="scores")
    assert np.asarray(many).shape == (3, 5)


def block(header, *arrays):
    """Arrays in the format safetensors; the package of that name writes and reads it too."""
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + b"".join(map(np.ndarray.tobytes, arrays))


def whole(name, dtype, array):
    return {name: {"dtype": dtype, "shape": array.shape, "data_offsets": [0, array.nbytes]}}


def test_all_inputs_and_outputs(plugin):
    tokens = np.array([[65, 66, 49, 256], [48, 49, 50, 51]], dtype=np.int64)
    answer = bytes(plugin.call("run", block(whole("tokens", "I64", tokens), tokens)))
    (size,) = struct.unpack("<Q", answer[:8])
    scores = np.asarray(plugin.call("predict", tokens))
    assert json.loads(answer[8 : 8 + size]) == {
        "scores": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, scores.nbytes]}
    }
    assert answer[8 + size :] == scores.tobytes()


TOKENS = np.zeros((1, 3), np.int64)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "safetensors"),
        (b"\xff" * 8, "safetensors"),
        (block({}), "also takes tokens"),
        (block(whole("tokens", "I64", TOKENS)), "safetensors"),
        (block(whole("tokens", "I64", TOKENS), TOKENS, TOKENS), "safetensors"),
        (block(whole("tokens", "F64", TOKENS), TOKENS), "int64"),
        (block(whole("words", "I64", TOKENS), TOKENS), "no input `words`"),
        (
            block({"tokens": {"dtype": "I64", "shape": [2**62, 4], "data_offsets": [0, 24]}}, TOKENS),
            "safetensors",
        ),
    ],
)
def test_blocks_that_are_none(plugin, given, reason):
    with pytest.raises(lao.InvalidInput, match=reason):
        plugin.call("run", given)


@pytest.mark.parametrize(
    ("array", "params", "reason"),
    [
        (np.zeros((1, 3), np.float32), {}, "int64"),
        (np.zeros((1, 3), np.int64), {"input": "words"}, "no input `words`"),
        (np.zeros((1, 3), np.int64), {"output": "words"}, "no output `words`"),
        (np.zeros((1, 3), np.int64), {"feeds": {"words": 1}}, "no input `words`"),
        (np.zeros((1, 3), np.int64), {"feeds": [1]}, "`feeds` is an object"),
        (np.zeros((1, 3), np.int64), {"feeds": {"tokens": [[1, 2]]}}, "and in `feeds` too"),
        (np.zeros((1, 3, 3, 3), np.int64), {}, "does not take this"),
        (np.full((1, 3), 999, np.int64), {}, "does not take this"),
    ],
)
def test_what_a_model_does_not_take(plugin, array, params, reason):
    with pytest.raises(lao.InvalidInput, match=reason):
        plugin.call("predict", array, **params)
    assert plugin("still there")["label"] == "letter"


def test_tokens_are_cut():
    answer = load(max_tokens=4)("abcd1234")
    assert (answer["tokens"], answer["cut"], answer["scores"]["letter"]) == (4, True, 1.0)


def test_a_model_from_elsewhere(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes((PLUGIN / "resources" / "characters-2.onnx").read_bytes())
    plugin = load(model_path=str(path))
    assert plugin("HELLO")["model"] == "mine"
    assert [model["name"] for model in plugin.call("models")["models"]] == ["mine"]


@pytest.mark.parametrize("content", [b"", b"this is no model", b"\x08\x08\x3a\xff\xff\xff\xff\x0f"])
def test_a_model_that_is_none(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(lao.InvalidInput, match=r"broken\.onnx cannot be loaded"):
        load(model_path=str(path))


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(lao.InvalidInput, match=r"missing\.onnx cannot be loaded"):
        load(model_path=str(tmp_path / "missing.onnx"))


@pytest.mark.parametrize("settings", [{"max_tokens": 0}, {"threads": "many"}, {"provider": "abacus"}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(lao.LaoError):
        load(**settings)
