"""Where the operator's policy is read from.

    /etc/lao/lao.toml                              the operator's; users cannot do without it
    $LAO_CONFIG, else lao.toml, config/lao.toml    as LAO 0.3 had it, from where the command runs

What both allow is allowed. A `lao.toml` without `[trust]` says nothing about plugins.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lao.model.operator_policy import NO_POLICY, OperatorPolicy, denying, parse_policy

__all__ = ["operator_policy"]

_SYSTEM = Path("/etc/lao/lao.toml")
_LARGEST = 1 << 20


def operator_policy() -> OperatorPolicy:
    """What may be granted at most, on this machine and in this directory."""
    own = NO_POLICY
    named = os.environ.get("LAO_CONFIG")
    if named:
        own = _read(Path(named), must_exist=True)
    else:
        for candidate in (Path("lao.toml"), Path("config/lao.toml")):
            if candidate.is_file():
                own = _read(candidate, must_exist=True)
                break
    if own.is_set and not own.problems and os.environ.get("LAO_ALLOW_SHELL") in ("1", "true"):
        own = replace(own, shell=True)  # as in LAO 0.3; never against the operator's own file
    return _read(_SYSTEM, must_exist=False) & own


def _read(file: Path, *, must_exist: bool) -> OperatorPolicy:
    shown = os.path.abspath(file)
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        return denying(shown, str(error)) if must_exist else NO_POLICY
    except OSError as error:
        return denying(shown, str(error))
    if len(content) > _LARGEST:
        return denying(shown, f"it is larger than {_LARGEST} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return denying(shown, f"it is not UTF-8: {error}")
    return parse_policy(text, shown, os.path.realpath)
