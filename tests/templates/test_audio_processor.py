"""The template `audio-processor`: its own tests, conformance, files that other programs wrote, and speech."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lao
from tests.templates.made import Made, languages, make, passed

MODEL = Path("/usr/share/pocketsphinx/model/en-us")
RECORDINGS = Path("/usr/share/pocketsphinx/test/data")


@pytest.fixture(scope="module", params=languages("audio-processor"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    return make(
        "audio-processor",
        language,
        tmp_path_factory.mktemp(language) / "sound tool",
        libraries=("sndfile", "soxr"),
    )


@pytest.fixture
def plugin(made: Made) -> Iterator[lao.Plugin]:
    with lao.Host() as host:
        yield host.load(made.project.directory, isolation="process")


def one_second() -> lao.Binary:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(range(200)) * 80)
    return lao.Binary(file.getvalue())


def test_its_own_tests_and_conformance(made: Made) -> None:
    found = passed(made, lambda _: one_second())
    assert found.output["frames"] == 8000


# --- Files of others ---


def tones(rate: int, channels: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    time = np.arange(rate) / rate
    made = [0.3 * np.sin(2 * np.pi * 220 * (index + 1) * time) for index in range(channels)]
    return np.stack(made, axis=1).astype(np.float32)


@pytest.mark.matrix
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("form", "subtype", "near"),
    [
        ("WAV", "PCM_16", 1e-6),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_U8", 1e-6),
        ("WAV", "FLOAT", 1e-6),
        ("FLAC", "PCM_16", 1e-6),
        ("FLAC", "PCM_24", 1e-6),
        ("OGG", "VORBIS", 2e-3),
        ("MP3", "MPEG_LAYER_III", 2e-3),
    ],
)
def test_files_that_libsndfile_wrote(
    plugin: lao.Plugin, rate: int, channels: int, form: str, subtype: str, near: float
) -> None:
    soundfile = pytest.importorskip("soundfile", reason="pip install soundfile")
    file = io.BytesIO()
    soundfile.write(file, tones(rate, channels), rate, format=form, subtype=subtype)
    expected, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32", always_2d=True)
    found = plugin.call("decode", file.getvalue())
    assert (found.sample_rate, found.shape[1]) == (rate, channels)
    # Lossy formats are padded; how much of it is cut off differs between decoders.
    shift = best_shift(expected[:, 0], np.asarray(found)[:, 0]) if near > 1e-5 else 0
    assert abs(found.shape[0] - expected.shape[0]) <= (0 if near < 1e-5 else 2500)
    count = min(len(expected), len(found) - shift) - 2000
    assert np.asarray(found)[1000 + shift : count + shift] == pytest.approx(expected[1000:count], abs=near)


def best_shift(expected: Any, found: Any) -> int:
    size = 1 << 17
    product = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(expected, size)), size)
    place = int(product[:3000].argmax())
    return place if abs(product[place] - product[0]) > 1e-3 * abs(product[0]) else 0


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore:.*(hunk|file).*")
def test_odd_files_of_scipy(plugin: lao.Plugin) -> None:
    """Odd headers, truncated files, big-endian ones: an answer that scipy agrees with, or a reason."""
    wavfile = pytest.importorskip("scipy.io.wavfile", reason="pip install scipy")
    folder = Path(wavfile.__file__).parent / "tests" / "data"
    files = sorted(folder.glob("*.wav"))
    assert len(files) > 10
    decoded = 0
    for path in files:
        try:
            found = plugin.call("decode", path.read_bytes())
        except (lao.InvalidInput, lao.PluginError):
            continue
        decoded += 1
        try:
            rate, expected = wavfile.read(path)
        except ValueError:
            continue
        assert found.sample_rate == rate, path.name
        assert found.shape[0] == expected.shape[0], path.name
    assert decoded >= 4
    assert plugin.stats.restarts == 0


# --- Speech of another voice ---


@pytest.mark.matrix
@pytest.mark.skipif(
    shutil.which("espeak-ng") is None or not MODEL.is_dir(),
    reason="apt install espeak-ng libpocketsphinx3 pocketsphinx-en-us",
)
def test_words_of_a_made_voice(made: Made, tmp_path: Path) -> None:
    """At 22050 Hz, as espeak-ng speaks: at least half of the words, with times that go on."""
    said = "please open the window and close the door"
    path = tmp_path / "said.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "130", "-w", str(path), said], check=True)
    with lao.Host() as host:
        plugin = host.load(
            made.project.directory, isolation="process", config={"model_path": str(MODEL)}, timeout=60
        )
        sound = plugin.call("decode", path.read_bytes())
        assert sound.sample_rate == 22050
        last = list(plugin.stream("transcribe", sound))[-1]
        found = [word["word"] for word in last["words"]]
        assert len(set(found) & set(said.split())) >= len(set(said.split())) // 2, last["text"]
        times = [time for word in last["words"] for time in (word["start"], word["end"])]
        assert times == sorted(times)


# --- Files for others ---


@pytest.mark.matrix
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize(
    ("form", "bits"), [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24)]
)
def test_libsndfile_reads_what_it_writes(plugin: lao.Plugin, form: str, bits: int, channels: int) -> None:
    soundfile = pytest.importorskip("soundfile", reason="pip install soundfile")
    samples = tones(8000, channels)
    file = plugin.call("encode", lao.Audio(samples, sample_rate=8000), format=form, bits=str(bits))
    found, rate = soundfile.read(io.BytesIO(bytes(file)), dtype="float32", always_2d=True)
    assert rate == 8000
    assert np.abs(found - samples).max() <= (0 if bits == 32 else 0.5001 / 2 ** (bits - 1))


# --- Speech of people ---

needs_recordings = pytest.mark.skipif(
    not (MODEL.is_dir() and RECORDINGS.is_dir()),
    reason="apt install libpocketsphinx3 pocketsphinx-en-us pocketsphinx-testdata",
)


def parts_of(sound: lao.Audio, seconds: float = 0.25) -> Iterator[lao.Audio]:
    samples = np.asarray(sound)
    step = int(sound.sample_rate * seconds)
    for start in range(0, len(samples), step):
        yield lao.Audio(samples[start : start + step], sample_rate=sound.sample_rate)


def wrong_words(found: list[str], expected: list[str]) -> int:
    """How many words have to be put in, left out or changed to make the one from the other."""
    row = list(range(len(expected) + 1))
    for count, word in enumerate(found, 1):
        last, row[0] = row[0], count
        for place, other in enumerate(expected, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (word != other))
    return row[-1]


def understood(plugin: lao.Plugin, sound: lao.Audio) -> list[str]:
    """The words of a recording that comes in parts; their times rise, and lie within it."""
    *_, last = plugin.stream("transcribe", parts_of(sound))
    assert last["final"]
    times = [time for word in last["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    seconds = len(np.asarray(sound)) / sound.sample_rate
    assert last["seconds"] == pytest.approx(seconds, abs=0.01)
    assert not times or (times[0] >= 0 and times[-1] <= seconds + 0.02)
    assert last["text"].split() == [word["word"] for word in last["words"]]
    return list(last["text"].split())


@pytest.mark.matrix
@needs_recordings
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_book_that_is_read_aloud(made: Made, isolation: str) -> None:
    folder = RECORDINGS / "librivox"
    wrong = said = 0
    with lao.Host() as host:
        plugin = host.load(made.project.directory, isolation=isolation, config={"model_path": str(MODEL)})
        for line in (folder / "transcription").read_text("utf-8").splitlines():
            text, name = line.rsplit(" ", 1)
            expected = text.replace("<s>", "").replace("</s>", "").split()
            sound = plugin.call("decode", (folder / f"{name.strip('()')}.wav").read_bytes())
            wrong += wrong_words(understood(plugin, sound), expected)
            said += len(expected)
    assert said > 60
    assert wrong / said < 0.4, f"{wrong} of {said} words"


@pytest.mark.matrix
@needs_recordings
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_speech_of_other_rates(made: Made, rate: int) -> None:
    samples = np.fromfile(RECORDINGS / "goforward.raw", "<i2").astype(np.float32)[:, None] / 32768
    with lao.Host() as host:
        plugin = host.load(made.project.directory, config={"model_path": str(MODEL)})
        changed = plugin.call("resample", lao.Audio(samples, sample_rate=16000), rate=rate)
        assert understood(plugin, changed) == ["go", "forward", "ten", "meters"]
