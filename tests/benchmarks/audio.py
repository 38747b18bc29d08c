"""Work on 60 s of stereo sound at 48 kHz through LAO, in-process and isolated, against libraries of Python.

    python tests/benchmarks/audio.py [--quick]

The plugin is the template `audio-processor` in Rust, built for release; its inputs are from `host.empty`. Every row is
run interleaved, once with one thread each and once with all that there are (soxr and soundfile have one in any case);
medians in milliseconds. Resampling is compared at equal quality, which is measured first and printed: what a tone of
7 kHz loses, and what is left of one of 9 kHz, which does not fit into 16 kHz. soxr runs with its recipe HQ. Contestants
that are not installed are left out (`pip install soxr soundfile scipy librosa`). Exit 1 when an aim is missed: as fast
as the best of them, and isolated within 5 % of in-process.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import soundfile

import lao
from tests.benchmarks._contest import contest, race, report

RATE, TO, SECONDS = 48000, 16000, 60
FORMS = {"WAV": "PCM_16", "FLAC": "PCM_16", "MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
RESAMPLE = "resample 48 -> 16 kHz"
Samples = np.ndarray[Any, np.dtype[np.float32]]
Resampler = Callable[[Samples], Samples]


def music() -> Samples:
    """Chords with harmonics that fade, and some noise: what codecs are made for."""
    random = np.random.default_rng(5)
    time_s = np.arange(RATE // 2) / RATE
    pieces = []
    for _ in range(SECONDS * 2):
        notes = 110 * 2 ** (random.integers(0, 36, 4) / 12)
        sides = []
        for side in range(2):
            sound = np.zeros(len(time_s))
            for note in notes:
                for harmonic in range(1, 9):
                    phase = 2 * np.pi * note * harmonic * (1 + side * 1e-4) * time_s
                    sound += np.sin(phase) * np.exp(-time_s * 4 * harmonic) / harmonic
            sides.append(0.08 * sound + random.normal(0, 0.002, len(time_s)))
        pieces.append(np.stack(sides, axis=1))
    return np.clip(np.concatenate(pieces), -1, 1).astype(np.float32)


def written(samples: Samples, form: str) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, samples.shape[1], FORMS[form], format=form) as writer:
        for start in range(0, len(samples), RATE):  # libvorbis takes no minute at once
            writer.write(samples[start : start + RATE])
    return file.getvalue()


def resamplers(threads: int) -> dict[str, Resampler]:
    found: dict[str, Resampler] = {}
    if find_spec("soxr"):
        import soxr

        found["soxr"] = lambda sound: soxr.resample(sound, RATE, TO, "HQ")
    if find_spec("scipy"):
        from scipy.signal import firwin, resample_poly

        # Its own filter is far shorter; this one passes and stops what soxr's does.
        taps = firwin(561, (7306 + 8694) / 2, window=("kaiser", 12.3), fs=RATE).astype(np.float32)
        found["scipy"] = lambda sound: resample_poly(sound, 1, RATE // TO, axis=0, window=taps)
    if find_spec("librosa"):
        import librosa

        found["librosa"] = lambda sound: librosa.resample(
            sound, orig_sr=RATE, target_sr=TO, res_type="soxr_hq", axis=0
        )
    return found


def level_db(sound: Samples) -> float:
    """Of the middle, where no filter begins or ends."""
    middle = np.asarray(sound)[TO // 2 : -TO // 2]
    return float(20 * np.log10(max(np.sqrt(np.mean(middle.astype(float) ** 2)) * 2**0.5, 1e-10)))


def quality(resample: Resampler) -> tuple[float, float]:
    """What is left of a tone that fits, and of one that does not, in dB."""
    time_s = np.arange(RATE * 3) / RATE
    tones = (np.repeat(np.sin(2 * np.pi * hz * time_s)[:, None], 2, axis=1) for hz in (7000, 9000))
    kept, lost = (level_db(resample(tone.astype(np.float32))) for tone in tones)
    return kept, lost


def of_lao(plugin: lao.Plugin) -> Resampler:
    return lambda sound: np.asarray(plugin.call("resample", lao.Audio(sound, sample_rate=RATE), rate=TO))


def measure(project: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Times of each row by contestant, and the quality of the resamplers."""
    samples = music()
    with lao.Host() as host:
        shared = host.empty(samples.shape, samples.dtype)
        shared[...] = samples
        config = {"threads": threads}
        plugins = {
            "lao, in-process": host.load(project, isolation="none", config=config),
            "lao, isolated": host.load(project, isolation="process", config=config),
        }
        others = resamplers(threads)
        qualities = {name: quality(of) for name, of in others.items()}
        qualities["lao"] = quality(of_lao(plugins["lao, isolated"]))
        rows: dict[str, dict[str, Callable[[], Any]]] = {
            RESAMPLE: {name: partial(of, samples) for name, of in others.items()}
        }
        for name, plugin in plugins.items():
            rows[RESAMPLE][name] = partial(of_lao(plugin), shared)
        for form in FORMS:
            file = written(samples, form)
            memory = host.empty(len(file), "uint8")
            memory[...] = np.frombuffer(file, np.uint8)
            row = rows[f"{form} decode"] = {
                name: partial(plugin.call, "decode", memory) for name, plugin in plugins.items()
            }
            row["soundfile"] = lambda file=file: soundfile.read(io.BytesIO(file), dtype="float32")
            if form in ("WAV", "FLAC"):
                assert np.array_equal(np.asarray(row["lao, isolated"]()), row["soundfile"]()[0]), form
        return {"rows": {row: race(calls, rounds) for row, calls in rows.items()}, "quality": qualities}


def tell(threads: int, found: dict[str, Any]) -> int:
    missed = report(threads, found["rows"], ["soxr", "scipy", "librosa", "soundfile"])
    for name, (kept_db, lost_db) in found["quality"].items():
        print(f"quality of {name}: 7 kHz keeps {kept_db:+.3f} dB, 9 kHz is left with {lost_db:.0f} dB")
    return missed


if __name__ == "__main__":
    sys.exit(contest(__file__, __doc__, "audio-processor", 31, measure, tell, "OMP_NUM_THREADS"))
