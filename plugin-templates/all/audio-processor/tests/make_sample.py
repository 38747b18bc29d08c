"""Writes a sound to try the plugin with: a second of a voice-like tone between two silences, 16 kHz.

    python3 tests/make_sample.py            # sample.wav
"""

import math
import struct
import sys
import wave

RATE = 16_000


def voice(seconds):
    """120 Hz with its overtones, as loud as a vowel makes them."""
    for index in range(int(seconds * RATE)):
        time = index / RATE
        formants = sum(
            math.sin(2 * math.pi * 120 * n * time) * math.exp(-(((120 * n - 700) / 500) ** 2)) for n in range(1, 25)
        )
        yield 0.1 * formants * (1 - math.exp(-time * 30))


def main(path="sample.wav"):
    samples = [0.0] * (RATE // 2) + list(voice(1.0)) + [0.0] * (RATE // 2)
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", round(32767 * max(-1.0, min(1.0, one)))) for one in samples))
    print(f"wrote {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
