"""Files on the way in and out of a workflow: read as what a step takes, written as what their name says.

Images need Pillow, arrays numpy; neither is a dependency of LAO. Where one is missing the error says so.
"""

from __future__ import annotations

import json
import os
import shutil
import wave
from pathlib import Path
from types import ModuleType
from typing import Any

from lao.errors import InvalidInput
from lao.model.kinds import Kind
from lao.model.values import Audio, Json, Video

__all__ = ["open_file", "save_value"]

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
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
        orientation says. `AUDIO`: `lao.Audio`, int16 [frames, channels], of a 16-bit WAV file. `VIDEO`: its
        bytes as `lao.Video`. `TENSOR`, and `.npy` for audio, images and video: the array in it. Others: the
        path.

    Raises:
        InvalidInput: It cannot be read, or not as that; or a library that reads it is missing.
    """
    try:
        return _read(path, wanted)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"`{path}` is not UTF-8 text", causes=[str(error)]) from error
    except OSError as error:
        raise InvalidInput(f"cannot read `{path}`", causes=[error.strerror or str(error)]) from error


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
    numpy = _need("numpy", f"cannot read `{path}`")
    try:
        return numpy.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"`{path}` is not a file of one array", causes=[str(error)]) from error


def _read_image(path: Path) -> Any:
    numpy = _need("numpy", f"cannot read `{path}`")
    pillow = _need("PIL.Image", f"cannot read `{path}`")
    from PIL import ImageOps

    try:
        with pillow.open(path) as file:
            image = ImageOps.exif_transpose(file)
            plain = image if image.mode in ("L", "RGB", "RGBA") else image.convert(_plain_mode(image))
            pixels = numpy.asarray(plain)
    except pillow.UnidentifiedImageError as error:
        raise InvalidInput(f"`{path}` is not an image that can be read") from error
    except (ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise InvalidInput(f"cannot read the image `{path}`", causes=[str(error)]) from error
    return pixels if pixels.ndim == 3 else pixels[:, :, numpy.newaxis]


def _plain_mode(image: Any) -> str:
    """The mode of 8 bits per channel that loses least of a palette, 16-bit or CMYK image."""
    if image.mode in ("1", "I", "F") or image.mode.startswith("I;"):
        return "L"
    return "RGBA" if image.mode in ("LA", "PA") or "transparency" in image.info else "RGB"


def _read_wav(path: Path) -> Audio:
    numpy = _need("numpy", f"cannot read `{path}`")
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                width = 8 * file.getsampwidth()
                raise InvalidInput(f"`{path}` has samples of {width} bits", hint="convert it to 16 bits")
            frames = numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            return Audio(frames.reshape(-1, file.getnchannels()), file.getframerate())
    except (wave.Error, EOFError) as error:
        raise InvalidInput(f"`{path}` is not a WAV file that can be read", causes=[str(error)]) from error


def save_value(value: Any, path: Path) -> None:
    """Writes a value to a file; the file is there whole or not at all.

    Text is written as UTF-8, bytes as they are, JSON values as JSON; a file is copied. Arrays become what the
    name's ending says: an image format, `.wav` for `lao.Audio`, or `.npy`.

    Raises:
        InvalidInput: The value cannot be written like that, or the file cannot be written at all.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write(value, part, path)
        os.replace(part, path)
    except OSError as error:
        raise InvalidInput(f"cannot write `{path}`", causes=[error.strerror or str(error)]) from error
    finally:
        part.unlink(missing_ok=True)


def _write(value: Any, part: Path, path: Path) -> None:
    if isinstance(value, str):
        part.write_text(value, encoding="utf-8")
    elif isinstance(value, bytes | bytearray | memoryview):
        part.write_bytes(value)
    elif isinstance(value, os.PathLike):
        shutil.copyfile(value, part)
    elif isinstance(value, Video) and isinstance(value.data, bytes):
        part.write_bytes(value.data)
    elif isinstance(value, Audio) and path.suffix.lower() == ".wav":
        _write_wav(value, part, path)
    elif value is None or isinstance(value, bool | int | float | list | dict | Json):
        plain = value.value if isinstance(value, Json) else value
        part.write_text(json.dumps(plain, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    else:
        _write_array(value, part, path)


def _write_array(value: Any, part: Path, path: Path) -> None:
    numpy = _need("numpy", f"cannot write `{path}`")
    array = numpy.asarray(value)
    if path.suffix.lower() == ".npy":
        with part.open("wb") as stream:
            numpy.save(stream, array, allow_pickle=False)
        return
    if path.suffix.lower() not in _IMAGES:
        raise InvalidInput(
            f"an array cannot be written to `{path.name}`",
            hint="name it .npy, or .png or .jpg if it is an image",
        )
    pillow = _need("PIL.Image", f"cannot write `{path}`")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    channels = array.shape[2] if array.ndim == 3 else 1
    if (
        array.dtype != numpy.uint8
        or array.ndim not in (2, 3)
        or channels not in (1, 3, 4)
        or 0 in array.shape
    ):
        facts = f"it is {array.dtype} {list(array.shape)}; an image is uint8 [height, width, 1, 3 or 4]"
        raise InvalidInput(f"cannot write `{path}`", causes=[facts], hint="name it .npy")
    image = pillow.fromarray(numpy.ascontiguousarray(array))
    pillow.init()
    kind = pillow.EXTENSION[path.suffix.lower()]
    if kind == "JPEG" and channels == 4:
        image = image.convert("RGB")
    image.save(part, format=kind)


def _write_wav(value: Audio, part: Path, path: Path) -> None:
    numpy = _need("numpy", f"cannot write `{path}`")
    samples = numpy.asarray(value)
    if samples.dtype == numpy.float32:
        samples = (numpy.clip(samples, -1, 1) * 32767).round().astype("<i2")
    if samples.dtype != numpy.int16 or samples.ndim not in (1, 2) or not value.sample_rate:
        facts = f"it is {samples.dtype} {list(samples.shape)} at {value.sample_rate} Hz"
        raise InvalidInput(f"cannot write `{path}`", causes=[facts], hint="name it .npy")
    with part.open("wb") as stream, wave.open(stream, "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim == 2 else 1)
        file.setsampwidth(2)
        file.setframerate(value.sample_rate)
        file.writeframes(samples.astype("<i2").tobytes())


def _need(module: str, failure: str) -> ModuleType:
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
            failure, causes=[f"`{package}` is not installed"], hint=f"pip install {package}"
        ) from error
