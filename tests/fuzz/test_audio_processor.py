"""Mutation fuzzing of what the template `audio-processor` decodes: in C++ under ASan and UBSan, in Rust in a worker.
`make fuzz` runs this file as a script, and longer; see `test_package_parsers.py` for its time and seed."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lao.paths import templates_dir
from tests.fuzz.fed_program import build, fuzz_decode, fuzz_program

KINDS = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("WAVEX", "PCM_24"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
]


def seeds() -> list[bytes]:
    """A small file of every kind that is decoded: a tone, noise and silence."""
    soundfile = pytest.importorskip("soundfile", reason="pip install soundfile")
    found = []
    for form, subtype in KINDS:
        for channels in (1, 2) if form in ("MP3", "OGG") else (1, 2, 7):
            noise = np.random.default_rng(1).normal(0, 0.1, (700, channels))
            tone = np.sin(np.arange(700) / 9)[:, None] * np.ones(channels) * 0.5
            file = io.BytesIO()
            sound = np.concatenate([tone, noise, np.zeros((700, channels))]).astype(np.float32)
            soundfile.write(file, sound, 44100, format=form, subtype=subtype)
            found.append(file.getvalue())
    return found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = templates_dir() / "cpp" / "audio-processor" / "src"
    return build(
        tmp_path_factory.mktemp("fuzz") / "audio_processor",
        Path(__file__).with_name("audio_processor.cpp"),
        [sources / f"{part}.cpp" for part in ("decode", "memory_file", "sound", "wav_header")],
        ("sndfile",),
    )


@pytest.mark.matrix
def test_fuzz_audio_files_in_cpp(program: Path) -> None:
    fuzz_program("audio files in C++", program, seeds())


@pytest.mark.matrix
def test_fuzz_audio_files_in_rust(tmp_path: Path) -> None:
    most = 1 << 18

    def check(samples: np.ndarray[Any, Any]) -> None:
        assert samples.size <= most
        assert np.isfinite(samples).all()

    fuzz_decode("audio files in Rust", "audio-processor", tmp_path, seeds(), check, {"max_samples": most})


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s", "-m", "matrix"]))
