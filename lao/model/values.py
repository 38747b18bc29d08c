"""What a value is: wrappers that name the kind of an input, and what audio and video outputs come as.

Most inputs need none: `str` is text, `bytes` is binary, `dict` and `list` are JSON, `pathlib.Path` is a file, and an
array is whatever the capability takes. The wrappers say what the Python type does not: a sample rate, a colour space,
a media type.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lao.errors import InvalidInput

__all__ = ["Audio", "Binary", "File", "Image", "Json", "OutputPath", "Text", "Video"]

COLOR_SPACES = {"unspecified": 0, "srgb": 1, "linear-srgb": 2, "gray": 3}
CHANNEL_ORDERS = {"unspecified": 0, "gray": 1, "rgb": 2, "bgr": 3, "rgba": 4, "bgra": 5}


class Text(str):
    """Text, UTF-8 on its way to the plugin."""

    __slots__ = ()


class Binary(bytes):
    """Bytes with a media type, such as an encoded image, and metadata.

    Example:
        >>> Binary(b"\\x89PNG", media_type="image/png").media_type
        'image/png'
    """

    media_type: str | None
    metadata: dict[str, Any]

    def __new__(
        cls,
        data: bytes | bytearray | memoryview,
        *,
        media_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Binary:
        self = super().__new__(cls, data)
        self.media_type = media_type
        self.metadata = dict(metadata or {})
        return self


class Json:
    """A value that travels as JSON, also where a plain `str` would be taken for a document.

    Example:
        >>> Json("a string").value
        'a string'
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"lao.Json({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Json) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]  # as for the lists and dicts that it holds


class File:
    """A path to a file. It is made absolute, since a worker has another working directory."""

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"lao.File({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)


class OutputPath(type(Path())):  # type: ignore[misc]  # PosixPath or WindowsPath
    """A path that a plugin gave. It is handed on as a name only: were the file opened for the next plugin, the first
    one could have others read what it may not. `lao.File(path)` says that it shall be opened all the same."""

    __slots__ = ()


class _Array:
    """An array with facts beside it. Behaves like the array where one is asked for."""

    __slots__ = ("data", "metadata")

    data: Any
    metadata: Mapping[str, Any]

    def __init__(self, data: Any, metadata: Mapping[str, Any] | None = None) -> None:
        self.data = data
        self.metadata = dict(metadata or {})

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements per axis."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> Any:
        """Element type, as the array itself names it."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self.data.ndim)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, key: Any) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy

        return (
            numpy.array(self.data, dtype=dtype, copy=True) if copy else numpy.asarray(self.data, dtype=dtype)
        )

    def __dlpack__(self, **options: Any) -> Any:
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()


class Audio(_Array):
    """Samples: an array [frames, channels] or [frames], float32 in -1..1 or int16.

    Attributes:
        data: The samples.
        sample_rate: In Hz; 0 when it is not known.
        metadata: What else the plugin said of it.
    """

    __slots__ = ("sample_rate",)

    def __init__(self, data: Any, sample_rate: int = 0, *, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, metadata)
        if not 0 <= int(sample_rate) < 2**32:
            raise InvalidInput(f"a sample rate of {sample_rate} Hz is not possible")
        self.sample_rate = int(sample_rate)

    @property
    def samples(self) -> Any:
        """The same as `data`."""
        return self.data

    def __repr__(self) -> str:
        return f"lao.Audio(shape={self.shape}, dtype={self.dtype}, sample_rate={self.sample_rate})"


class Image(_Array):
    """Pixels: an array [height, width, channels] or [height, width], uint8, uint16, or float32 in 0..1.

    Attributes:
        data: The pixels.
        color_space: `"srgb"`, `"linear-srgb"`, `"gray"` or `"unspecified"`.
        channel_order: `"rgb"`, `"bgr"`, `"rgba"`, `"bgra"`, `"gray"` or `"unspecified"`.
        metadata: What else is to be said of it.
    """

    __slots__ = ("channel_order", "color_space")

    def __init__(
        self,
        data: Any,
        *,
        color_space: str = "unspecified",
        channel_order: str = "unspecified",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, metadata)
        if color_space not in COLOR_SPACES:
            raise InvalidInput(f"unknown colour space `{color_space}`; known are {', '.join(COLOR_SPACES)}")
        if channel_order not in CHANNEL_ORDERS:
            raise InvalidInput(
                f"unknown channel order `{channel_order}`; known are {', '.join(CHANNEL_ORDERS)}"
            )
        self.color_space = color_space
        self.channel_order = channel_order

    @property
    def pixels(self) -> Any:
        """The same as `data`."""
        return self.data

    def __repr__(self) -> str:
        return f"lao.Image(shape={self.shape}, dtype={self.dtype}, color_space={self.color_space!r})"


class Video(_Array):
    """Frames, an array [frames, height, width, channels] or [frames, height, width]; or the bytes of an encoded video.

    Attributes:
        data: The frames, or the encoded bytes.
        media_type: IANA media type of encoded bytes; None otherwise.
        metadata: What else is to be said of it.
    """

    __slots__ = ("media_type",)

    def __init__(
        self, data: Any, *, media_type: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, metadata)
        self.media_type = media_type

    @property
    def frames(self) -> Any:
        """The same as `data`."""
        return self.data

    def __repr__(self) -> str:
        if isinstance(self.data, bytes):
            return f"lao.Video({len(self.data)} bytes, media_type={self.media_type!r})"
        return f"lao.Video(shape={self.shape}, dtype={self.dtype})"
