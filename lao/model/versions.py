"""Version numbers and version ranges.

Versions are semantic versions 2.0 (`1.4.0`, `2.0.0-rc.1`); precedence comes from the library
semantic-version. Ranges have the grammar of cargo, parsed here because `SimpleSpec` reads `^1.0.0-rc.1` as an
empty range and `^0` as `<0.0.1`:

    1.2.3, ^1.2.3   >=1.2.3, <2.0.0      ^0.2.3  >=0.2.3, <0.3.0     ^0.0.3  >=0.0.3, <0.0.4
    ~1.4, ~1.4.2    >=1.4.2, <1.5.0      ~1      >=1.0.0, <2.0.0
    >=1, <2         all comparators must hold
    =1.2.3          exactly; `==` is the same; =1.2 is any 1.2.x
    !=1.2.3         any other
    *, 1.*, 1.2.*   any; any 1.x.y; any 1.2.x

Pre-releases: a pre-release satisfies a range only where a comparator of the range names a pre-release of the
same major.minor.patch, so that `^1.2` never selects `2.0.0-alpha` nor `1.5.0-beta`, and `^2.0.0-alpha`
selects `2.0.0-beta`. Build metadata (`+...`) never matters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from lao.errors import InvalidInput
from lao.model.names import printable

if TYPE_CHECKING:
    from semantic_version import Version  # type: ignore[import-untyped]

__all__ = ["LAO_VERSION", "VersionRange", "complete_version", "parse_range", "parse_version", "satisfies"]

LAO_VERSION = "0.6.0"
"""The version of this LAO: what `min_lao_version` is compared with."""

_LONGEST = 256  # characters of a version or range; longer ones are refused before any parsing
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_PARTIAL = re.compile(
    rf"(?P<major>{_NUMBER}|[*xX])(?:\.(?P<minor>{_NUMBER}|[*xX])(?:\.(?P<patch>{_NUMBER}|[*xX])"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)?)?"
)
_COMPARATOR = re.compile(r"(?P<op>\^|~|>=|<=|==|!=|=|>|<|)\s*(?P<rest>\S+)")


def parse_version(text: str) -> Version:
    """The semantic version that `text` is; its objects compare by precedence.

    Raises:
        InvalidInput: It is not one; the hint says what to write where that can be guessed.

    Example:
        >>> parse_version("1.10.0") > parse_version("1.9.3")
        True
    """
    from semantic_version import Version

    if len(text) <= _LONGEST and not text.endswith("\n"):  # the library's pattern lets one newline pass
        try:
            return Version(text)
        except ValueError:
            pass
    completed = complete_version(text)
    hint = f"write `{completed}`" if completed else "write three numbers, for example `1.0.0`"
    raise InvalidInput(f"`{printable(text)}` is not a version", hint=hint)


def complete_version(text: str) -> str | None:
    """The version that an incomplete spelling means (`v1.2` means `1.2.0`), or None where it means none."""
    match = re.fullmatch(rf"[vV]?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?", text.strip())
    if match is None:
        return None
    return ".".join(part or "0" for part in match.groups())


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A set of versions. Made by `parse_range`; `version in range` answers for a string or a parsed version.

    Attributes:
        text: As it was written.
        bounds: Pairs of operator (`>=` or `<`) and version, of which all must hold.
        excluded: Half-open spans `(from, to)` that are left out, from `!=1.2`.
        prerelease_cores: The (major, minor, patch) of which pre-releases are allowed.
    """

    text: str
    bounds: tuple[tuple[str, Version], ...]
    excluded: tuple[tuple[Version, Version], ...]
    prerelease_cores: frozenset[tuple[int, int, int]]

    def __contains__(self, version: object) -> bool:
        number = parse_version(str(version)).truncate("prerelease")
        if number.prerelease and (number.major, number.minor, number.patch) not in self.prerelease_cores:
            return False
        if any(low <= number < high for low, high in self.excluded):
            return False
        return all(_holds(op, number, bound) for op, bound in self.bounds)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def parse_range(text: str) -> VersionRange:
    """The range that `text` writes; a bare `1.0.0` means `^1.0.0`, the empty string means `*`.

    Raises:
        InvalidInput: It is not a range.

    Example:
        >>> "1.9.0" in parse_range(">=1.2, <2"), "2.0.0" in parse_range("1.2")
        (True, False)
    """
    if len(text) > _LONGEST:
        raise InvalidInput(f"a version range has {len(text)} characters, and {_LONGEST} are allowed")
    bounds: list[tuple[str, Version]] = []
    excluded: list[tuple[Version, Version]] = []
    cores: set[tuple[int, int, int]] = set()
    for piece in (text or "*").split(","):
        comparator = _COMPARATOR.fullmatch(piece.strip())
        partial = _PARTIAL.fullmatch(comparator["rest"]) if comparator else None
        if comparator is None or partial is None:
            raise _not_a_range(text, piece.strip())
        op, low, high = comparator["op"], *_span(text, partial)
        if low.prerelease:
            cores.add((low.major, low.minor, low.patch))
        if op == "!=":
            if high is None:
                raise _not_a_range(text, piece.strip())
            excluded.append((low, high))
        else:
            bounds += _bounds(op, low, high, partial)
    return VersionRange(
        text=text, bounds=tuple(bounds), excluded=tuple(excluded), prerelease_cores=frozenset(cores)
    )


def satisfies(range: str, version: str) -> bool:
    """Whether `version` lies in `range`.

    Raises:
        InvalidInput: Either is malformed.

    Example:
        >>> satisfies("^1.2", "1.9.0"), satisfies("1.0.0", "2.0.0")
        (True, False)
    """
    return version in parse_range(range)


def _holds(op: str, version: Version, bound: Version) -> bool:
    return bool(version >= bound if op == ">=" else version < bound)


def _span(text: str, partial: re.Match[str]) -> tuple[Version, Version | None]:
    """The half-open span that a partial version names: `1.2` is 1.2.0 up to 1.3.0; None is without an end."""
    from semantic_version import Version

    numbers: list[int] = []
    wild = False
    for part in ("major", "minor", "patch"):
        value = partial[part]
        if value is None or value in "*xX":
            wild = True
        elif wild:  # `*.2`
            raise _not_a_range(text, partial[0])
        else:
            numbers.append(int(value))
    pre = partial["pre"]
    if len(numbers) == 3:
        low = parse_version(".".join(map(str, numbers)) + (f"-{pre}" if pre else ""))
        return low, _after(low)
    if pre:
        raise _not_a_range(text, partial[0])
    if not numbers:
        return Version("0.0.0-0"), None
    low = Version(".".join(map(str, [*numbers, 0, 0][:3])))
    numbers[-1] += 1
    return low, Version(".".join(map(str, [*numbers, 0, 0][:3])))


def _after(version: Version) -> Version:
    """The least version above `version`."""
    from semantic_version import Version

    if version.prerelease:
        return Version(f"{version.major}.{version.minor}.{version.patch}-{'.'.join(version.prerelease)}.0")
    return Version(f"{version.major}.{version.minor}.{version.patch + 1}-0")


def _bounds(op: str, low: Version, high: Version | None, partial: re.Match[str]) -> list[tuple[str, Version]]:
    """The plain bounds of one comparator."""
    if op == ">=":
        return [(">=", low)]
    if op == "<":
        return [("<", low)]
    if op == ">":
        return [(">=", high)] if high is not None else [("<", low)]
    if op == "<=":
        return [("<", high)] if high is not None else []
    wildcard = any(
        partial[part] is not None and partial[part] in "*xX" for part in ("major", "minor", "patch")
    )
    if op in ("=", "==") or wildcard:
        end = high
    elif op == "~":
        end = _next(low, 0 if partial["minor"] is None else 1)
    else:  # `^` or nothing
        end = _next(low, _caret_place(low, partial))
    return [(">=", low)] if end is None else [(">=", low), ("<", end)]


def _caret_place(low: Version, partial: re.Match[str]) -> int:
    """Which number `^` lets not change: the first that is not 0, or the last that was written."""
    if low.major or partial["minor"] is None:
        return 0
    if low.minor or partial["patch"] is None:
        return 1
    return 2


def _next(version: Version, place: int) -> Version:
    """The version with the number at `place` (0 major .. 2 patch) raised by one and zeros after it."""
    from semantic_version import Version

    numbers = [version.major, version.minor, version.patch][: place + 1]
    numbers[-1] += 1
    return Version(".".join(map(str, [*numbers, 0, 0][:3])))


def _not_a_range(text: str, piece: str) -> InvalidInput:
    hint = "write for example `^1.2`, `~1.4`, `>=1, <2`, `=1.2.3` or `*`"
    if re.search(r"[0-9*]\s+[<>=^~!]", piece):
        hint = "separate the comparators by commas: `>=1, <2`"
    elif "||" in piece:
        hint = "alternatives (`||`) are not supported; " + hint
    return InvalidInput(f"`{printable(text)}` is not a version range", hint=hint)
