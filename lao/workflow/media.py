"""Files as inputs of a workflow: opened as what a step takes.

Images need Pillow, arrays numpy; neither is a dependency of LAO. Where one is missing the error says so.
"""

from __future__ import annotations

import wave
from pathlib import Path
from types import ModuleType
from typing import Any

from lao.errors import InvalidInput
from lao.model.kinds import Kind
from lao.model.values import Audio, Video

__all__ = ["need", "open_file"]

_VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
}


def open_file(path: Path, wanted: Kind) -> Any:
    """What a step that takes `wanted` gets of a file.

    Returns:
        `TEXT`, `JSON`: its text. `BINARY`: its bytes. `IMAGE`: uint8 [height, width, channels], turned as its
        orientation says. `AUDIO`: `lao.Audio` [frames, channels] of a PCM WAV file, int16 where it has 16 bits,
        else float32 in -1..1. `VIDEO`: its bytes as `lao.Video`. `TENSOR`, and `.npy` for audio, images and
        video: the array in it. Others: the path.

    Raises:
        InvalidInput: It cannot be read, or not as that; or a library that reads it is missing.
    """
    try:
        return _read(path, wanted)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"`{path}` is not {wanted.label}", causes=[f"byte {error.start} is not UTF-8"]
        ) from error
    except OSError as error:
        raise InvalidInput(
            f"cannot read `{path}`", causes=[(error.strerror or str(error)).lower()]
        ) from error


def _read(path: Path, wanted: Kind) -> Any:
    if wanted in (Kind.TEXT, Kind.JSON):
        return path.read_text(encoding="utf-8")
    if wanted is Kind.BINARY:
        return path.read_bytes()
    is_array = path.suffix.lower() == ".npy"
    if wanted is Kind.TENSOR or (is_array and wanted in (Kind.AUDIO, Kind.IMAGE, Kind.VIDEO)):
        return _read_array(path)
    if wanted is Kind.IMAGE:
        return _read_image(path)
    if wanted is Kind.AUDIO:
        return _read_wav(path)
    if wanted is Kind.VIDEO:
        return Video(path.read_bytes(), media_type=_VIDEO_TYPES.get(path.suffix.lower()))
    return path


def _read_array(path: Path) -> Any:
    numpy = need("numpy", f"cannot read `{path}`")
    try:
        return numpy.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"`{path}` is not a .npy file", causes=[str(error)]) from error


def _read_image(path: Path) -> Any:
    numpy = need("numpy", f"cannot read `{path}`")
    pillow = need("PIL.Image", f"cannot read `{path}`")
    from PIL import ImageOps

    try:
        with pillow.open(path) as file:
            image = ImageOps.exif_transpose(file)
            plain = image if image.mode in ("L", "RGB", "RGBA") else image.convert(_plain_mode(image))
            pixels = numpy.asarray(plain)
    except pillow.UnidentifiedImageError as error:
        raise InvalidInput(f"`{path}` is not a picture") from error
    except (ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise InvalidInput(f"cannot read the image `{path}`", causes=[str(error)]) from error
    return pixels if pixels.ndim == 3 else pixels[:, :, numpy.newaxis]


def _plain_mode(image: Any) -> str:
    """The mode of 8 bits per channel that loses least of a palette, 16-bit or CMYK image."""
    if image.mode in ("1", "I", "F") or image.mode.startswith("I;"):
        return "L"
    return "RGBA" if image.mode in ("LA", "PA") or "transparency" in image.info else "RGB"


def _read_wav(path: Path) -> Audio:
    numpy = need("numpy", f"cannot read `{path}`")
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InvalidInput(f"`{path}` is not a PCM WAV file", causes=[str(error)]) from error
    if width == 2:
        samples = numpy.frombuffer(data, "<i2")
    elif width == 1:  # unsigned, unlike the others
        samples = (numpy.frombuffer(data, "u1").astype("f4") - 128) / 128
    else:  # 24 and 32 bits: the upper bytes of an int32
        wide = numpy.zeros((len(data) // width, 4), "u1")
        wide[:, 4 - width :] = numpy.frombuffer(data, "u1").reshape(-1, width)
        samples = wide.view("<i4")[:, 0].astype("f4") / 2**31
    return Audio(samples.reshape(-1, channels), rate)


def need(module: str, failure: str) -> ModuleType:
    """Imports a library that LAO does not depend on.

    Raises:
        InvalidInput: It is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = {"PIL.Image": "pillow"}.get(module, module)
        raise InvalidInput(
            failure, causes=[f"the package `{package}` is not installed"], hint=f"pip install {package}"
        ) from error
