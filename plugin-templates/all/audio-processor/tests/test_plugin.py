"""The plugin as its users see it, through LAO. Run by `lao plugin test`, after a build."""

import io
import shutil
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from make_sample import main as make_sample

import lao

PLUGIN = Path(__file__).resolve().parent.parent
MODEL = Path("/usr/share/pocketsphinx/model/en-us")
SPEECH = Path("/usr/share/pocketsphinx/test/data/goforward.raw")


@pytest.fixture(params=["process", "none"], scope="module")
def plugin(request):
    with lao.Host() as host:
        yield host.load(PLUGIN, isolation=request.param)


def tone(seconds=1.0, rate=48000, channels=2, hertz=440, level=0.5):
    wave_of = level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave_of.astype(np.float32)[:, None], channels, axis=1)


def sound(samples, rate=48000):
    return lao.Audio(samples, sample_rate=rate)


def wav_file(samples, rate=48000):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def data(value):
    return np.asarray(value)


def test_what_is_in_a_file(plugin):
    answer = plugin(wav_file(tone()))
    assert (answer["format"], answer["sample_rate_hz"], answer["channels"]) == ("wav", 48000, 2)
    assert (answer["frames"], answer["seconds"]) == (48000, 1.0)
    assert answer["peak_db"] == pytest.approx(-6.02, abs=0.02)
    assert answer["rms_db"] == pytest.approx(-9.03, abs=0.02)


def test_the_sample(plugin, tmp_path):
    make_sample(str(tmp_path / "sample.wav"))
    answer = plugin((tmp_path / "sample.wav").read_bytes())
    (span,) = answer["speech"]
    assert (span["start"], span["end"]) == pytest.approx((0.5, 1.5), abs=0.1)


@pytest.mark.parametrize(
    ("form", "bits"), [("wav", "16"), ("wav", "24"), ("wav", "32"), ("flac", "16"), ("flac", "24")]
)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_written_files_are_read_again(plugin, form, bits, channels):
    samples = tone(0.3, channels=channels) * np.linspace(0.1, 1, channels, dtype=np.float32)
    file = plugin.call("encode", sound(samples), format=form, bits=bits)
    again = plugin.call("decode", bytes(file))
    assert again.sample_rate == 48000
    assert data(again) == pytest.approx(samples, abs=2.0 ** (1 - min(int(bits), 24)) + 1e-7)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000, 11025, 47999])
def test_resampled_tones_stay_what_they_were(plugin, rate):
    samples = tone(1.0)
    made = plugin.call("resample", sound(samples), rate=rate)
    assert made.sample_rate == rate
    assert data(made).shape == (rate, 2)
    inner = slice(rate // 10, -rate // 10)
    assert data(made)[inner] == pytest.approx(tone(1.0, rate)[inner], abs=2e-3)


def test_resampling_leaves_out_what_does_not_fit(plugin):
    made = data(plugin.call("resample", sound(tone(hertz=12000)), rate=16000))
    assert np.abs(made[1600:-1600]).max() < 1e-3


def test_mixing(plugin):
    samples = np.stack([np.full(100, 0.5), np.full(100, -0.1)], axis=1).astype(np.float32)
    assert data(plugin.call("mix", sound(samples))) == pytest.approx(np.full((100, 1), 0.2))
    assert data(plugin.call("mix", sound(samples[:, :1]), channels=3)).shape == (100, 3)
    louder = data(plugin.call("mix", sound(samples), channels=2, gain_db=-20))
    assert louder == pytest.approx(samples * 0.1)


def test_normalising(plugin):
    quiet = tone(level=0.05)
    assert np.abs(data(plugin.call("normalise", sound(quiet), level_db=-6.0))).max() == pytest.approx(
        0.501, abs=1e-3
    )
    even = data(plugin.call("normalise", sound(quiet), by="rms", level_db=-20.0))
    assert np.sqrt((even**2).mean()) == pytest.approx(0.1, rel=1e-3)
    assert not data(plugin.call("normalise", sound(np.zeros((50, 1), np.float32)))).any()
    assert not data(plugin.call("normalise", sound(np.zeros((48000, 1), np.float32)), by="lufs")).any()


def test_loudness(plugin):
    """The tone of ITU-R BS.1770: at full scale in one channel, -3.01 LUFS."""
    assert plugin(wav_file(tone(2, channels=1, hertz=997, level=1.0)))["lufs"] == pytest.approx(-3.01, abs=0.02)
    quiet = tone(2, hertz=997, level=0.01)
    even = plugin.call("normalise", sound(quiet), by="lufs", level_db=-23.0)
    assert data(even).max() == pytest.approx(10 ** (-23 / 20), rel=2e-3)
    pause = np.concatenate([quiet, np.zeros((480_000, 2), np.float32)])
    again = plugin.call("normalise", sound(pause), by="lufs", level_db=-23.0)
    assert data(again).max() == pytest.approx(data(even).max(), rel=5e-2)  # blocks that end in the pause count
    assert "lufs" not in plugin(wav_file(np.zeros((48000, 1), np.float32)))


def test_silence(plugin):
    samples = np.concatenate([tone(0.5), np.zeros((24000, 2), np.float32), tone(0.5)])
    (span,) = plugin.call("silence", sound(samples))["silence"]
    assert (span["start"], span["end"]) == pytest.approx((0.5, 1.0), abs=0.02)


def test_speech_is_no_noise(plugin):
    noise = np.random.default_rng(1).normal(0, 0.001, (96000, 1)).astype(np.float32)
    noise[30000:60000] *= 100
    assert plugin.call("speech", sound(noise))["speech"] == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "no WAV, FLAC, MP3 or OGG"),
        (b"RIFF\xff\xff\xff\xffWAVE", "wav file cannot be decoded"),
        (b"fLaC\x00\x00\x00\x22" + b"\xff" * 60, "flac file cannot be decoded"),
        (b"OggS" + bytes(100), "ogg file cannot be decoded"),
        (b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", "mp3 file cannot be decoded"),
        (wav_file(tone(0.1))[:-1000], "ends after"),
        (wav_file(tone(0.1))[:30], "wav file cannot be decoded"),
    ],
)
def test_broken_files(plugin, file, reason):
    with pytest.raises(lao.LaoError, match=reason):
        plugin.call("decode", file)
    assert plugin(wav_file(tone(0.1)))["format"] == "wav"


def test_a_file_from_a_pipe(plugin):
    """Its writer did not know how long it would be."""
    good = wav_file(tone(0.1))
    piped = good[:4] + b"\xff" * 4 + good[8:40] + b"\xff" * 4 + good[44:]
    assert np.array_equal(data(plugin.call("decode", piped)), data(plugin.call("decode", good)))


def test_headers_that_lie(plugin):
    good = wav_file(tone(0.1))
    for place, value in [(22, 0), (22, 65535), (24, 0), (34, 0), (34, 63), (40, 0x7FFFFFF0)]:
        size = 4 if place in (24, 40) else 2
        lying = good[:place] + struct.pack("<I", value)[:size] + good[place + size :]
        with pytest.raises(lao.LaoError):
            plugin.call("decode", lying)
    assert plugin(good)["frames"] == 4800


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("capability", ["encode", "resample", "mix", "normalise", "silence", "speech"])
def test_samples_that_are_no_numbers(plugin, capability, bad):
    samples = tone(0.1)
    samples[7, 1] = bad
    with pytest.raises(lao.InvalidInput, match="frame 7, channel 1"):
        plugin.call(capability, sound(samples))


def test_no_frames(plugin):
    nothing = sound(np.zeros((0, 2), np.float32))
    for capability in ("resample", "mix", "normalise"):
        assert data(plugin.call(capability, nothing)).shape[0] == 0
    assert plugin.call("silence", nothing)["silence"] == plugin.call("speech", nothing)["speech"] == []
    with pytest.raises(lao.InvalidInput, match="nothing to encode"):
        plugin.call("encode", nothing, format="flac")


def test_odd_rates_and_many_channels(plugin):
    for rate, channels in [(1, 1), (7, 2), (11025, 8), (192000, 8), (767999, 1), (48000, 64)]:
        samples = tone(max(100 / rate, 0.01), rate, channels, hertz=0.1 * rate)
        assert data(plugin.call("mix", sound(samples, rate), channels=1)).shape == (len(samples), 1)
        for capability in ("silence", "speech"):
            assert list(plugin.call(capability, sound(samples, rate))) == [capability]
        assert data(plugin.call("normalise", sound(samples, rate), by="lufs")).shape == samples.shape
        assert data(plugin.call("resample", sound(samples, rate), rate=rate + 1 if rate < 768000 else 1)).size
        again = plugin.call("decode", bytes(plugin.call("encode", sound(samples, rate))))
        assert (again.sample_rate, data(again).shape) == (rate, samples.shape)


def test_files_that_are_too_long():
    with lao.Host() as host:
        plugin = host.load(PLUGIN, isolation="process", config={"max_samples": 1000})
        with pytest.raises(lao.InvalidInput, match="more than 1000 samples"):
            plugin.call("decode", wav_file(tone(0.1)))


@pytest.mark.skipif((PLUGIN / "resources" / "speech").is_dir(), reason="this project has a model")
def test_without_a_model_it_says_what_to_install(plugin):
    with pytest.raises(lao.LaoError, match="apt install libpocketsphinx3 pocketsphinx-en-us"):
        plugin.call("transcribe", sound(tone(0.1, channels=1)))
    assert plugin(wav_file(tone(0.1)))["format"] == "wav"


@pytest.mark.skipif(
    not (MODEL.is_dir() and SPEECH.is_file()),
    reason="apt install libpocketsphinx3 pocketsphinx-en-us pocketsphinx-testdata",
)
@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize("where", ["model_path", "resources"])
def test_speech_is_recognised(isolation, where, tmp_path):
    place, settings = PLUGIN, {"model_path": str(MODEL)}
    if where == "resources":
        place, settings = tmp_path / PLUGIN.name, {}
        shutil.copytree(PLUGIN, place, ignore=shutil.ignore_patterns("target"))
        shutil.copytree(MODEL, place / "resources" / "speech", dirs_exist_ok=True)
    spoken = (np.fromfile(SPEECH, "<i2").astype(np.float32) / 32768)[:, None]
    parts = [sound(spoken[start : start + 4000], 16000) for start in range(0, len(spoken), 4000)]
    with lao.Host() as host:
        plugin = host.load(place, isolation=isolation, config=settings)
        *partial, last = list(plugin.stream("transcribe", iter(parts)))
        assert last["final"]
        assert last["text"] == "go forward ten meters"
        assert [word["word"] for word in last["words"]] == ["go", "forward", "ten", "meters"]
        times = [time for word in last["words"] for time in (word["start"], word["end"])]
        assert times == sorted(times)
        assert 0 < times[0] < times[-1] <= last["seconds"]
        # It says something before it has heard everything.
        assert partial
        assert partial[0]["seconds"] < last["seconds"] / 2
        (span,) = plugin.call("speech", sound(spoken, 16000))["speech"]
        assert span["start"] <= times[0] + 0.2
        assert span["end"] >= times[-1] - 0.4
        # What was heard before changes nothing, and times begin anew.
        noise = np.random.default_rng(3).normal(0, 0.1, (16000, 1)).astype(np.float32)
        list(plugin.stream("transcribe", sound(noise, 16000)))
        assert list(plugin.stream("transcribe", iter(parts)))[-1] == last
