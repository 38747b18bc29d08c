"""What the operator of a machine lets its users grant: the table `[trust]` of `lao.toml`, as LAO 0.3 read it.

A policy only takes away. Without one nothing is capped; one that cannot be read allows nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from lao.errors import PermissionDenied
from lao.model.names import fold_name
from lao.model.rights import Rights

__all__ = ["NO_POLICY", "OperatorPolicy", "denying", "parse_policy"]

_SHELLS = frozenset("sh ash bash csh dash fish ksh mksh rbash rksh tcsh yash zsh busybox env".split())
_ENDPOINT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|\*\.[^\s/:*\[\]]+|[^\s/:*\[\]]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class OperatorPolicy:
    """The most that plugins may be granted. The default, `NO_POLICY`, caps nothing.

    Attributes:
        files: Where it was read from; empty for none.
        read, write, network, shell, subprocess: What is allowed at all.
        roots: Directories, absolute and without links, outside of which no file access is granted.
        endpoints: `host`, `host:port` or `*.domain` outside of which no network access is granted; empty for any.
        bounded: `endpoints` bounds the network: none in it then means none at all.
        plugins: Names, folded, of plugins that the operator vouches for: they may be trusted.
        problems: What of the file could not be read, or is not kept: it allows nothing.
    """

    files: tuple[str, ...] = ()
    read: bool = True
    write: bool = True
    network: bool = True
    shell: bool = True
    subprocess: bool = True
    roots: tuple[Path, ...] = (Path("/"),)
    endpoints: tuple[str, ...] = ()
    bounded: bool = False
    plugins: frozenset[str] | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_set(self) -> bool:
        """There is a policy."""
        return bool(self.files)

    def may_trust(self, name: str) -> bool:
        """A plugin may run in the host's own process, where nothing else of the policy could be kept."""
        return self.plugins is None or fold_name(name) in self.plugins

    def denied(self, permissions: Iterable[str]) -> tuple[str, ...]:
        """Those of the permissions that nobody can be granted, whatever their bounds are."""
        allowed = {
            "read_files": self.read and bool(self.roots),
            # A directory that a worker may write to it may also read.
            "write_files": self.write and self.read and bool(self.roots),
            "network_access": self.network and not (self.bounded and not self.endpoints),
            "system_access": self.shell or self.subprocess,
            "private_addresses": self.network,
        }
        return tuple(sorted(word for word in permissions if not allowed.get(word, True)))

    def require(self, name: str, words: Iterable[str], real: Callable[[str], str]) -> None:
        """Refuses to grant a plugin what the operator does not allow.

        Args:
            name: The plugin.
            words: Permissions, `connect=HOST:PORT`, `run=PROGRAM` and `cwd=DIRECTORY`.
            real: Answers with a path without links.

        Raises:
            PermissionDenied: One of them cannot be granted to anybody.
        """
        denied = [word for word in words if self.is_set and not self._may_grant(word, real)]
        if denied:
            raise PermissionDenied(
                f"the operator of this machine does not let you grant `{name}` this",
                causes=[*(f"`{word}`" for word in denied), *self.problems],
                where=", ".join(self.files),
            )

    def _may_grant(self, word: str, real: Callable[[str], str]) -> bool:
        key, _, value = word.partition("=")
        if key == "connect":
            return self._may_connect(value)
        if key == "run":
            return bool(self._programs((value,)))
        if key == "cwd":
            return self._working_directory(Path(value), real) is not None
        return not self.denied((word,))

    def cap(self, rights: Rights, data_dir: Path | None, real: Callable[[str], str]) -> Rights:
        """What is left of the rights.

        Args:
            rights: What the plugin asks for and the user granted.
            data_dir: Below which its file access lies; None where that is not known.
            real: Answers with a path without links; `os.path.realpath`.
        """
        if not self.is_set:
            return rights
        hosts = self._hosts(rights.hosts)
        file_access = self._file_access(rights.file_access, data_dir, real)
        gone = set(self.denied(rights.permissions))
        if hosts is None:
            gone |= rights.permissions & {"network_access"}
        if not file_access:
            gone |= rights.permissions & {"read_files", "write_files"}
        programs = self._programs(rights.commands)
        if rights.commands and not programs:
            gone |= rights.permissions & {"system_access"}
        return replace(
            rights,
            permissions=rights.permissions - gone,
            refused=rights.refused | gone,
            file_access=file_access if {"read_files", "write_files"} & (rights.permissions - gone) else (),
            hosts=hosts or (),
            commands=programs,
            private_addresses=rights.private_addresses and self.network,
            connect=tuple(address for address in rights.connect if self._may_connect(address)),
            programs=self._programs(rights.programs),
            working_directory=self._working_directory(rights.working_directory, real),
        )

    def _file_access(
        self, wanted: tuple[str, ...], data_dir: Path | None, real: Callable[[str], str]
    ) -> tuple[str, ...]:
        if data_dir is None:
            return ()
        base = real(str(data_dir))
        return tuple(one for one in wanted if self._is_inside(os.path.normpath(os.path.join(base, one))))

    def _working_directory(self, wanted: Path | None, real: Callable[[str], str]) -> Path | None:
        """It is read and written."""
        if wanted is None or not (self.read and self.write):
            return None
        directory = real(str(wanted))
        return Path(directory) if self._is_inside(directory) else None

    def _is_inside(self, path: str) -> bool:
        return any(PurePath(path).is_relative_to(root) for root in self.roots)

    def _programs(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Without `allow_shell` no shell, nor what starts one by its name."""
        if not (self.shell or self.subprocess):
            return ()
        return tuple(
            one for one in wanted if (self.shell if PurePath(one).name in _SHELLS else self.subprocess)
        )

    def _may_connect(self, address: str) -> bool:
        if not self.network:
            return False
        return not self.bounded or any(_meet(address, one) is not None for one in self.endpoints)

    def _hosts(self, wanted: tuple[str, ...]) -> tuple[str, ...] | None:
        """The hosts that both sides name; None for none at all."""
        if not self.network:
            return None
        if not self.bounded:
            return wanted
        if not wanted:
            return tuple(dict.fromkeys(self.endpoints)) or None
        both = (_meet(one, other) for one in wanted for other in self.endpoints)
        return tuple(dict.fromkeys(host for host in both if host is not None)) or None

    def __and__(self, other: OperatorPolicy) -> OperatorPolicy:
        """What both allow."""
        if not (self.is_set and other.is_set):
            return self if self.is_set else other
        if self.bounded and other.bounded:
            met = (_meet(one, another) for one in self.endpoints for another in other.endpoints)
            endpoints = tuple(dict.fromkeys(host for host in met if host is not None))
        else:
            endpoints = self.endpoints if self.bounded else other.endpoints
        roots = [
            max(one, another, key=lambda root: len(root.parts))
            for one in self.roots
            for another in other.roots
            if one.is_relative_to(another) or another.is_relative_to(one)
        ]
        if self.plugins is None or other.plugins is None:
            plugins = other.plugins if self.plugins is None else self.plugins
        else:
            plugins = self.plugins & other.plugins
        return OperatorPolicy(
            files=(*self.files, *other.files),
            read=self.read and other.read,
            write=self.write and other.write,
            network=self.network and other.network,
            shell=self.shell and other.shell,
            subprocess=self.subprocess and other.subprocess,
            roots=tuple(dict.fromkeys(roots)),
            endpoints=endpoints,
            bounded=self.bounded or other.bounded,
            plugins=plugins,
            problems=(*self.problems, *other.problems),
        )


NO_POLICY = OperatorPolicy()


def denying(file: str, problem: str) -> OperatorPolicy:
    """The policy of a file that cannot be read: it allows nothing."""
    return replace(_policy(file, {}, []), bounded=True, problems=(problem,))


def parse_policy(text: str, file: str, real: Callable[[str], str]) -> OperatorPolicy:
    """The policy in a `lao.toml`.

    Args:
        text: Of the file.
        file: Where it is; roots that are not absolute are relative to its directory.
        real: Answers with a path without links.

    Returns:
        `NO_POLICY` for a file that has no `[trust]`. What is not said is not allowed; of what is wrong nothing is.
    """
    try:
        trust = tomllib.loads(text).get("trust")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return denying(file, f"it is not TOML: {error}")
    if trust is None:
        return NO_POLICY
    if not isinstance(trust, dict):
        return denying(file, "`trust` is not a table")
    return _policy(file, trust, [], real)


def _policy(
    file: str, trust: dict[str, Any], problems: list[str], real: Callable[[str], str] = str
) -> OperatorPolicy:
    folder = os.path.dirname(file)
    roots = tuple(
        Path(real(os.path.join(folder, os.path.expanduser(root))))
        for root in _texts(trust, "filesystem_roots", problems)
    )
    stated = _texts(trust, "network_endpoints", problems)
    endpoints = [_endpoint(one, problems) for one in stated]
    return OperatorPolicy(
        files=(file,),
        read=_switch(trust, "allow_filesystem_read", problems),
        write=_switch(trust, "allow_filesystem_write", problems),
        network=_switch(trust, "allow_network", problems),
        shell=_switch(trust, "allow_shell", problems),
        subprocess=_switch(trust, "allow_subprocess", problems),
        roots=roots,
        endpoints=tuple(dict.fromkeys(one for one in endpoints if one is not None)),
        bounded=bool(trust.get("network_endpoints")) or "network_endpoints" in " ".join(problems),
        plugins=frozenset(map(fold_name, _texts(trust, "allow_plugins", problems))),
        problems=tuple(problems),
    )


def _switch(trust: dict[str, Any], key: str, problems: list[str]) -> bool:
    value = trust.get(key, False)
    if isinstance(value, bool):
        return value
    problems.append(f"`{key}` is not true or false, so it is false")
    return False


def _texts(trust: dict[str, Any], key: str, problems: list[str]) -> list[str]:
    value = trust.get(key, [])
    if isinstance(value, list) and all(isinstance(one, str) and one and "\0" not in one for one in value):
        return value
    problems.append(f"`{key}` is not a list of texts, so it is empty")
    return []


def _endpoint(text: str, problems: list[str]) -> str | None:
    """What stands for a `host`, a `host:port` or the address of a whole site; None for what cannot be kept."""
    host_and_port = text
    if "://" in text:
        try:
            parts = urlsplit(text)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            parts, port = None, None
        if parts is None or port is None or not parts.hostname or parts.username is not None:
            problems.append(f"`{text}` of `network_endpoints` is no address of a site, so it allows nothing")
            return None
        if parts.path.strip("/") or parts.query or parts.fragment:
            problems.append(
                f"`{text}` of `network_endpoints` names a path, which is not kept: it allows nothing"
            )
            return None
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        host_and_port = f"{name}:{port}"
    match = _ENDPOINT.fullmatch(host_and_port)
    if match is None or not 1 <= int(match["port"] or 1) <= 65535:
        problems.append(f"`{text}` of `network_endpoints` is no host, so it allows nothing")
        return None
    return host_and_port.lower()


def _split(one: str) -> tuple[str, str]:
    match = _ENDPOINT.fullmatch(one.lower())
    return (match["host"].rstrip("."), match["port"] or "") if match else ("", "")


def _meet(one: str, other: str) -> str | None:
    """What two of `host`, `host:port` and `*.domain` have in common."""
    (host, port), (other_host, other_port) = _split(one), _split(other)
    if not host or not other_host or (port and other_port and port != other_port):
        return None
    if host != other_host and not _covers(other_host, host):
        if not _covers(host, other_host):
            return None
        host = other_host
    both = port or other_port
    return f"{host}:{both}" if both else host


def _covers(pattern: str, host: str) -> bool:
    """`*.domain` is for hosts below the domain, and for narrower patterns; never for an address."""
    if not pattern.startswith("*.") or host.startswith("[") or host.rpartition(".")[2].isdigit():
        return False
    return host.removeprefix("*").endswith(pattern[1:]) and host != pattern[2:]
