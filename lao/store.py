"""What is installed: content-addressed, atomic, and readable without opening a library.

    <home>/objects/<digest>/...     a package, read-only; the digest is the SHA-256 of its RECORD
    <home>/installed/<name>.json    one record for each installed plugin; it names its object
    <home>/config/<name>.json       switched on or off, and the settings; local projects have one too
    <home>/data/<name>/             the plugin's own files; kept when it is uninstalled
    <home>/staging/<token>/         packages that are being put together
    <home>/index.json               what `lao plugin list` needs; made again when a record or setting changed

A plugin is there exactly when its record is there, and a record is written by one rename after its object is
complete on the disk. What a killed process left in `staging` or unreferenced in `objects` is swept by the
next change.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lao import paths
from lao.durable import make_read_only, remove_tree, sync_directory, write_atomic
from lao.errors import InvalidInput, LaoError, PluginNotFound, VerificationError
from lao.model.names import check_plugin_name, fold_name, suggest

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["Installed", "Origin", "Store", "Summary"]

_FORMAT = 1
_LOCK_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a package came from.

    Attributes:
        kind: `"file"` (a bare library), `"directory"`, `"archive"` or `"url"`.
        source: The absolute path or the address, without credentials.
        sha256: Of the file or download; None for a directory.
    """

    kind: str
    source: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installed plugin.

    Attributes:
        name: As its manifest spells it.
        version: Empty when nothing but the loaded library would tell it.
        description: One line; may be empty.
        digest: SHA-256 of its RECORD, which is the name of its object.
        directory: The package, read-only.
        library: The library in it.
        origin: Where it came from.
        enabled: False after `lao plugin toggle NAME false`.
        installed_at: Seconds since 1970, UTC.
        capabilities: As `Capability.to_dict` gives them; empty when only the loaded library would tell.
        abi: `"lao/1"` or `"lao/0.x"`.
        has_manifest: Whether the package has a `plugin.toml`.
        claimed: Version, description and capabilities are what the library said of itself; nothing is allowed by them.
    """

    name: str
    version: str
    description: str
    digest: str
    directory: Path
    library: Path
    origin: Origin
    enabled: bool = True
    installed_at: float = 0.0
    capabilities: tuple[dict[str, Any], ...] = ()
    abi: str = "lao/1"
    has_manifest: bool = True
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list shows of an installed plugin. `problem` says why its record cannot be read, if so."""

    name: str
    version: str
    description: str
    enabled: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Configuration:
    enabled: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)


class Store:
    """The plugins that are installed under one home directory.

    Args:
        home: The directory; by default `lao.paths.home()`. It is made by the first change.

    Example:
        >>> Store(Path("/nonexistent")).installed()
        []
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = Path(os.path.abspath(home)) if home is not None else paths.home()
        self._records = self.home / "installed"
        self._objects = self.home / "objects"
        self._staging = self.home / "staging"
        self._configurations = self.home / "config"

    def installed(self) -> list[Installed]:
        """All installed plugins, by name.

        Raises:
            LaoError: A record is damaged.
        """
        found = (self._read(name) for name in self.names())
        return [record for record in found if record is not None]

    def names(self) -> list[str]:
        """The names of all installed plugins, sorted without regard to case."""
        try:
            entries = os.listdir(self._records)
        except FileNotFoundError:
            return []
        names = [entry.removesuffix(".json") for entry in entries if _is_record(entry)]
        return sorted(names, key=lambda name: (fold_name(name), name))

    def get(self, name: str) -> Installed | None:
        """The plugin of that name: as spelled, else with case and `-` against `_` ignored.

        Raises:
            InvalidInput: No plugin may be called so.
            LaoError: Its record is damaged.
        """
        check_plugin_name(name)
        record = self._read(name)
        if record is not None:
            return record
        spelled = self._spelling(name)
        return self._read(spelled) if spelled is not None else None

    def require(self, name: str) -> Installed:
        """The plugin of that name.

        Raises:
            PluginNotFound: There is none; with suggestions.
        """
        found = self.get(name)
        if found is None:
            raise self._not_found(name)
        return found

    def summaries(self) -> list[Summary]:
        """What a list shows, from the index, which is made again when anything changed."""
        signature = self._signature()
        if not signature:
            return []
        index = self.home / "index.json"
        try:
            content = json.loads(index.read_bytes())
            if content["format"] == _FORMAT and content["signature"] == signature:
                return [Summary(*row) for row in content["plugins"]]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # missing, cut off or of another version: it is made again
        found = [self._summary(name) for name in self.names()]
        rows = [[s.name, s.version, s.description, s.enabled, s.problem] for s in found]
        content = {"format": _FORMAT, "signature": signature, "plugins": rows}
        with contextlib.suppress(OSError):  # a home that cannot be written is still listed
            write_atomic(index, json.dumps(content, separators=(",", ":")), durable=False)
        return found

    @contextlib.contextmanager
    def stage(self) -> Iterator[Path]:
        """A fresh directory on the store's file system, to put a package together in; it is gone afterwards.

        Raises:
            LaoError: The home directory cannot be written.
        """
        from filelock import FileLock

        with _explained(self.home), self._locked():
            self._sweep()
            token = f"{time.time_ns():x}-{os.getpid()}"
            lock = FileLock(self._staging / f"{token}.lock")
            lock.acquire(timeout=0)
            folder = self._staging / token
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove_tree(folder)
            lock.release()
            with contextlib.suppress(OSError):
                os.unlink(self._staging / f"{token}.lock")

    def add(
        self,
        staged: Path,
        *,
        name: str,
        library: str,
        origin: Origin,
        version: str = "",
        description: str = "",
        capabilities: Sequence[Mapping[str, Any]] = (),
        abi: str = "lao/1",
        has_manifest: bool = True,
        claimed: bool = False,
    ) -> Installed:
        """Makes a staged package the installed one of its name, in place of an older one. All or nothing.

        Args:
            staged: A directory inside one given by `stage`, with its RECORD; it is moved away.
            name: The plugin's name.
            library: Path of its library, relative to `staged`, with `/`.
            origin: Where it came from.
            version, description, capabilities, abi, has_manifest, claimed: As in `Installed`.

        Raises:
            InvalidInput: The name is not allowed, or the name of an installed plugin differs only in spelling.
            LaoError: It could not be written; the older one, if any, is unchanged.
        """
        from lao.package.record import record_digest

        check_plugin_name(name)
        with _explained(self.home), self._locked():
            spelled = self._spelling(name)
            if spelled is not None and spelled != name and not (self._records / f"{name}.json").exists():
                raise InvalidInput(
                    f"cannot install `{name}`",
                    causes=[f"`{spelled}` is installed, and the two names are one but for their spelling"],
                    hint=f"run `lao plugin uninstall {spelled}` first",
                )
            digest = record_digest(staged)
            record = {
                "format": _FORMAT,
                "name": name,
                "version": version,
                "description": description,
                "digest": digest,
                "library": library,
                "origin": asdict(origin),
                "installed_at": round(time.time(), 3),
                "capabilities": [dict(capability) for capability in capabilities],
                "abi": abi,
                "has_manifest": has_manifest,
                "claimed": claimed,
            }
            old_digest = self._digest_of(name)
            directory = self._keep(staged, digest)
            try:
                text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
                write_atomic(self._records / f"{name}.json", text)
            except BaseException:
                self._release(digest)
                raise
            if old_digest not in (None, digest):
                self._release(old_digest)
        return self._from_record(record, directory)

    def remove(self, name: str) -> Summary:
        """Uninstalls a plugin: its record, its package and its configuration. Its data directory is kept.

        Returns:
            What it was; also one whose record is damaged is removed.

        Raises:
            InvalidInput: No plugin may be called so.
            PluginNotFound: None of that name is installed.
        """
        check_plugin_name(name)
        with _explained(self.home):
            if self._spelling(name) is None:
                raise self._not_found(name)
            with self._locked():
                spelled = self._spelling(name)
                if spelled is None:
                    raise self._not_found(name)
                found, digest = self._summary(spelled), self._digest_of(spelled)
                # Should this process die before the object is gone, what it leaves in staging says so.
                marker = self._staging / f"{time.time_ns():x}-removing"
                marker.mkdir()
                os.unlink(self._records / f"{spelled}.json")
                sync_directory(self._records)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._configuration_file(spelled))
                self._release(digest)
                marker.rmdir()
        return found

    def is_enabled(self, name: str) -> bool:
        """Whether the plugin, installed or local, may run."""
        return self._configuration(name).enabled

    def set_enabled(self, name: str, enabled: bool) -> None:
        """Switches a plugin, installed or local, on or off.

        Raises:
            InvalidInput: No plugin may be called so.
        """
        with self._changing(name) as content:
            content["enabled"] = enabled

    def settings(self, name: str) -> dict[str, Any]:
        """The settings that the user made for a plugin; its defaults are not among them.

        Raises:
            LaoError: The configuration file is damaged.
        """
        return self._configuration(name).settings

    def settings_signature(self) -> object:
        """Changes when any plugin's configuration does; cheap."""
        try:
            return self._configurations.stat().st_mtime_ns
        except OSError:
            return None

    def set_setting(self, name: str, key: str, value: Any) -> None:
        """Stores one setting. Whether the plugin's schema allows it is for the caller to check.

        Raises:
            InvalidInput: No plugin may be called so, or what is to be stored is no text of UTF-8.
        """
        try:
            json.dumps({key: value}, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"a setting of `{name}` cannot be stored",
                causes=["it holds characters that UTF-8 does not have"],
            ) from None
        with self._changing(name) as content:
            content.setdefault("settings", {})[key] = value

    def unset(self, name: str, key: str) -> bool:
        """Forgets one setting; its default holds again. False: it was not set.

        Raises:
            InvalidInput: No plugin may be called so.
        """
        with self._changing(name) as content:
            settings = content["settings"]
            return settings.pop(key, settings) is not settings

    # Records

    def _not_found(self, name: str) -> PluginNotFound:
        close = suggest(name, self.names())
        return PluginNotFound(
            f"no plugin named `{name}` is installed",
            name=name,
            suggestions=close,
            hint=None if close else "run `lao plugin list` for what there is",
        )

    def _digest_of(self, name: str) -> str | None:
        """The object that a record names; None without a record that can be read."""
        try:
            return _digest(json.loads((self._records / f"{name}.json").read_bytes())["digest"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _spelling(self, name: str) -> str | None:
        """The installed name that `name` means: as spelled, else with case and `-` against `_` ignored."""
        wanted = fold_name(name)
        names = self.names()
        if name in names:
            return name
        for known in names:
            if fold_name(known) == wanted:
                return known
        return None

    def _read(self, name: str) -> Installed | None:
        file = self._records / f"{name}.json"
        try:
            record = json.loads(file.read_bytes())
            if record["format"] != _FORMAT:
                raise ValueError(f"its format is {record['format']}, and this LAO reads {_FORMAT}")
            if record["name"] != name:  # a file system that ignores case found another spelling's
                return None
            return self._from_record(record, self._objects / _digest(record["digest"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise VerificationError(
                f"the record of `{name}` is damaged",
                causes=[f"{type(error).__name__}: {error}"],
                where=str(file),
                hint=f"delete that file and install `{name}` again",
            ) from None

    def _from_record(self, record: Mapping[str, Any], directory: Path) -> Installed:
        library = str(record["library"])
        if library.startswith("/") or ".." in library.split("/"):
            raise ValueError("its library lies outside of its package")
        return Installed(
            name=str(record["name"]),
            version=str(record["version"]),
            description=str(record["description"]),
            digest=str(record["digest"]),
            directory=directory,
            library=directory / library,
            origin=Origin(**record["origin"]),
            enabled=self._configuration(str(record["name"])).enabled,
            installed_at=float(record["installed_at"]),
            capabilities=tuple(record["capabilities"]),
            abi=str(record["abi"]),
            claimed=record.get("claimed") is True,
            has_manifest=bool(record["has_manifest"]),
        )

    def _summary(self, name: str) -> Summary:
        try:
            found = self._read(name)
        except LaoError as error:
            return Summary(name, "", "", False, error.message)
        if found is None:
            return Summary(name, "", "", False, "it was uninstalled just now")
        return Summary(found.name, found.version, found.description, found.enabled)

    def _signature(self) -> str:
        """Name, time, size and inode of each record and configuration: changes whenever one is replaced."""
        lines = []
        for folder in (self._records, self._configurations):
            with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
                for entry in entries:
                    if _is_record(entry.name):
                        at = entry.stat()
                        lines.append(
                            f"{folder.name}/{entry.name}:{at.st_mtime_ns:x}:{at.st_size:x}:{at.st_ino:x}"
                        )
            if not lines:
                return ""  # nothing is installed
        lines.sort()
        return "\n".join(lines)

    # Configurations

    def _configuration_file(self, name: str) -> Path:
        return self._configurations / f"{name}.json"

    def _configuration(self, name: str) -> _Configuration:
        check_plugin_name(name)
        file = self._configuration_file(name)
        try:
            content = json.loads(file.read_bytes())
            if not isinstance(content, dict):
                raise ValueError("it must be an object")
            enabled, settings = content.pop("enabled", True), content.pop("settings", {})
            if not isinstance(enabled, bool) or not isinstance(settings, dict):
                raise ValueError("`enabled` must be true or false, and `settings` an object")
        except FileNotFoundError:
            return _Configuration()
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise LaoError(
                f"the configuration of `{name}` cannot be read",
                causes=[str(error)],
                where=str(file),
                hint="correct the file, or delete it to begin again from the defaults",
            ) from None
        return _Configuration(enabled, settings, content)

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[dict[str, Any]]:
        """The configuration's content, written back when the block ends without an error."""
        check_plugin_name(name)
        with _explained(self.home), self._locked():
            now = self._configuration(name)
            content = {"enabled": now.enabled, "settings": now.settings, **now.rest}
            yield content
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            write_atomic(self._configuration_file(name), text, private=True)  # a setting may be a password

    # Objects

    def _keep(self, staged: Path, digest: str) -> Path:
        """Moves a staged package to its place among the objects, complete on the disk before its name is."""
        directory = self._objects / digest
        if directory.is_dir():
            if _is_intact(directory):
                return directory
            remove_tree(self._set_aside(directory))
        make_read_only(staged)
        os.rename(staged, directory)
        # Only now: moving a directory needs the right to write into it.
        os.chmod(directory, 0o555)
        sync_directory(self._objects)
        return directory

    def _set_aside(self, directory: Path) -> Path:
        """Takes a directory out of the objects by one rename: none is ever half deleted under its name."""
        os.chmod(directory, 0o755)
        aside = self._staging / f"{time.time_ns():x}-{directory.name[:12]}"
        os.rename(directory, aside)
        return aside

    def _release(self, digest: str | None) -> None:
        """Removes an object if no record names it. Needs the lock."""
        if digest is not None and (self._objects / digest).exists() and digest not in self._referenced():
            with contextlib.suppress(OSError):  # in use, on a system that locks loaded libraries
                remove_tree(self._set_aside(self._objects / digest))

    def _referenced(self) -> set[str]:
        """The objects that records name. A damaged record may name any object, so then it is all of them."""
        found = {name: self._digest_of(name) for name in self.names()}
        if None in found.values():
            return set(os.listdir(self._objects))
        return {digest for digest in found.values() if digest is not None}

    def _sweep(self) -> None:
        """Removes what dead processes left, in staging and among the objects. Needs the lock."""
        if self._sweep_staging():
            for digest in set(os.listdir(self._objects)) - self._referenced():
                with contextlib.suppress(OSError):  # as above
                    remove_tree(self._set_aside(self._objects / digest))

    def _sweep_staging(self) -> bool:
        """Removes what dead processes left in staging. Returns whether there was anything."""
        from filelock import FileLock, Timeout

        entries, found = set(os.listdir(self._staging)), False
        for entry_name in sorted(entries):
            token = entry_name.removesuffix(".lock")
            lock = FileLock(self._staging / f"{token}.lock")
            try:
                if f"{token}.lock" in entries:
                    lock.acquire(timeout=0)
            except Timeout:
                continue  # another process is at work there
            found = True
            with contextlib.suppress(OSError):
                remove_tree(self._staging / token)
            lock.release()
            with contextlib.suppress(OSError):
                os.unlink(self._staging / f"{token}.lock")
        return found

    def _locked(self) -> BaseFileLock:
        """The lock of all changes; makes the directories."""
        from filelock import FileLock

        for folder in (self._records, self._objects, self._staging, self._configurations):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return FileLock(self.home / "lock", timeout=_LOCK_TIMEOUT_S)


def _is_record(file_name: str) -> bool:
    return file_name.endswith(".json") and not file_name.startswith(".")


def _digest(text: str) -> str:
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise ValueError("its digest is not one")
    return text


def _is_intact(directory: Path) -> bool:
    """Whether a kept object still holds what its RECORD says."""
    from lao.package.record import verify_record

    try:
        verify_record(directory)
    except LaoError:
        return False
    return True


@contextlib.contextmanager
def _explained(home: Path) -> Iterator[None]:
    """Turns what the file system refuses into an error of LAO."""
    try:
        yield
    except LaoError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = str(error.filename or home)
        raise LaoError("cannot change what is installed", causes=[reason], where=where) from error
