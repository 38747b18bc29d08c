"""Shows or stores what a capability gave."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lao.cli import printer
from lao.errors import InvalidInput, LaoError
from lao.model.kinds import Kind
from lao.workflow.media import need

__all__ = ["Parts", "as_json", "joined", "show", "store", "summary"]

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def show(value: Any, kind: Kind = Kind.ANY) -> None:
    """Writes a value to stdout: text as it is, json indented, a path, or one line about an array or bytes."""
    if value is None:
        return
    if isinstance(value, str):
        printer.data(value, end="" if value.endswith("\n") else "\n")
    elif isinstance(value, os.PathLike):
        printer.data(os.fspath(value))
    elif isinstance(value, (dict, list, bool, int, float)):
        printer.json(value)
    else:
        printer.data(summary(value, kind))


def summary(value: Any, kind: Kind = Kind.ANY) -> str:
    """One line about a value that is not text, e.g. `image 1080x1920x3 uint8` or `binary 4096 bytes`."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"binary {len(value)} bytes"
    rate = getattr(value, "sample_rate", None)
    array = value.samples if rate is not None else value
    shape = "x".join(str(extent) for extent in array.shape)
    label = "audio" if rate is not None else kind.label if kind in (Kind.IMAGE, Kind.TENSOR) else "tensor"
    return f"{label} {shape} {array.dtype}" + (f" {rate:g} Hz" if rate is not None else "")


def as_json(value: Any, kind: Kind = Kind.ANY) -> Any:
    """A value as JSON types: text and json as they are, others by what can be said about them."""
    if value is None or isinstance(value, (str, dict, list, bool, int, float)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Parts):
        return [as_json(part, kind) for part in value]
    return {"summary": summary(value, kind)}


class Parts(tuple[Any, ...]):
    """The parts of a stream that cannot be joined to one value."""

    __slots__ = ()


def joined(parts: list[Any]) -> Any:
    """The parts of a stream as one value: texts and bytes are put together, one part is itself.

    Example:
        >>> joined(["Hello, ", "World"]), joined([1, 2])
        ('Hello, World', (1, 2))
    """
    if parts and all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if parts and all(isinstance(part, (bytes, bytearray, memoryview)) for part in parts):
        return b"".join(parts)
    return parts[0] if len(parts) == 1 else Parts(parts)


def store(value: Any, file: str | Path, *, within: Sequence[Path] | None = None) -> str:
    """Writes a value to a file, by its suffix: a picture, `.npy`, `.wav`, else text, JSON or raw bytes.

    Args:
        value: What a plugin gave. A path is the file that is copied.
        file: Where to.
        within: Files and directories from which a file may be copied: what a plugin in a sandbox can read itself, or
            it could have others read for it what it cannot. None: from anywhere.

    Returns:
        One line about what was written.

    Raises:
        InvalidInput: The value cannot be written to such a file, the file cannot be written, or a package that
            writes such files is missing.
    """
    file = Path(file)
    if not file.name:
        raise InvalidInput(f"`{file}` names no file to write to")
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            if isinstance(value, os.PathLike):
                _copy(Path(value), temporary, within)
            else:
                _write(value, temporary, file.suffix.lower())
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except LaoError as error:
        error.where = str(file)
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"cannot write `{file}`", causes=[reason], where=str(file)) from None
    return f"wrote {file} ({printer.size(file.stat().st_size)})"


def _copy(source: Path, file: Path, within: Sequence[Path] | None) -> None:
    """Copies a regular file. It is looked at once it is open: the name may lead elsewhere a moment later."""
    import shutil
    import stat

    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe would block
    with open(os.open(source, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise InvalidInput(f"`{source}`, which the plugin names, is no ordinary file")
        opened = Path(f"/proc/self/fd/{stream.fileno()}")
        real = opened.resolve() if opened.exists() else source.resolve()
        if within is not None and not any(real.is_relative_to(place.resolve()) for place in within):
            raise InvalidInput(
                f"`{source}`, which the plugin names, lies where it cannot read itself",
                hint="copy it yourself if you trust it",
            )
        with file.open("xb") as copy:
            shutil.copyfileobj(stream, copy)


def _write(value: Any, file: Path, suffix: str) -> None:
    if isinstance(value, Parts):
        raise InvalidInput(
            f"{len(value)} parts of a stream cannot be written to one file", hint="leave `--output` out"
        )
    if isinstance(value, str):
        file.write_text(value, encoding="utf-8")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        file.write_bytes(value)
    elif value is None or isinstance(value, (dict, list, bool, int, float)):
        file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    elif suffix in _PICTURES:
        _write_picture(value, file, suffix)
    elif suffix == ".wav":
        _write_sound(value, file)
    elif suffix == ".npy":
        numpy = need("numpy", "cannot write a .npy file")
        with file.open("wb") as stream:
            numpy.save(stream, numpy.asarray(getattr(value, "samples", value)), allow_pickle=False)
    else:
        numpy = need("numpy", "cannot write an array")
        file.write_bytes(numpy.ascontiguousarray(getattr(value, "samples", value)).tobytes())


def _write_picture(value: Any, file: Path, suffix: str) -> None:
    need("PIL.Image", "cannot write a picture")
    numpy = need("numpy", "cannot write a picture")
    from PIL import Image

    array = numpy.asarray(value)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.dtype.kind == "f":
        array = (array.clip(0, 1) * 255 + 0.5).astype(numpy.uint8)
    try:
        picture = Image.fromarray(numpy.ascontiguousarray(array))
        if suffix in (".jpg", ".jpeg") and picture.mode == "RGBA":
            picture = picture.convert("RGB")
        with file.open("wb") as stream:
            picture.save(stream, format={".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper()))
    except (TypeError, KeyError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InvalidInput(
            f"an array of {array.dtype} and shape {array.shape} cannot be written as {suffix}",
            causes=[str(error)],
            hint="write it to a `.npy` file",
        ) from None


def _write_sound(value: Any, file: Path) -> None:
    import wave

    numpy = need("numpy", "cannot write a .wav file")
    rate = getattr(value, "sample_rate", None)
    if rate is None:
        raise InvalidInput("only audio is written as .wav", hint="write it to a `.npy` file")
    samples = numpy.asarray(value.samples)
    if samples.dtype.kind == "f":
        samples = (samples.clip(-1, 1) * 32767).round().astype("<i2")
    elif samples.dtype != numpy.int16:
        raise InvalidInput(
            f"audio of {samples.dtype} cannot be written as .wav", hint="write it to a `.npy` file"
        )
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(round(rate))
        sound.writeframes(numpy.ascontiguousarray(samples, "<i2").tobytes())
