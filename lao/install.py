"""Installs a plugin from a directory, a library, an archive or an address: checked, then stored, all or
nothing.

Nothing of what arrives is run, but for a LAO 0.x library without a manifest: it is asked in a sandboxed worker what it
is, and its answer is kept as a claim. What arrives is staged on the store's file system, looked at there, and becomes
visible by one rename; when a check fails or the process dies, what was installed before is unchanged.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lao.audit import Audit
from lao.errors import (
    InvalidInput,
    LaoError,
    ManifestError,
    PluginLoadError,
    PluginNotFound,
    VerificationError,
)
from lao.grants import Decided, Grants, PermissionRequest
from lao.model.names import check_plugin_name, fold_name, is_library_name, library_stem, printable
from lao.model.rights import wanted_by
from lao.operator_file import operator_policy
from lao.projects import (
    MANIFEST,
    find_project,
    find_projects,
    newest_library,
    pages,
    project_at,
)
from lao.store import Installed, Origin, Store

if TYPE_CHECKING:
    from lao.host import PluginInfo
    from lao.model.manifest import Manifest
    from lao.package.inspect import LibraryInfo

__all__ = ["Outcome", "Question", "install"]

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")
_FILE_SUFFIX = re.compile(r"\.(so|dylib|dll|gz|tgz|zst|lao)$")
_ARCHIVES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # gzip, zstd
_MOST_FILES = 10_000
_MOST_BYTES = 4 << 30
_CLAIM_S = 10.0


@dataclass(frozen=True, slots=True)
class Question:
    """What the user must agree to: a download that nothing vouches for.

    Attributes:
        source: The address.
        sha256: Of what came from it.
        size: Bytes.
    """

    source: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an installation did.

    Attributes:
        installed: The plugin.
        replaced: What was installed under its name before, or None.
        relaxed: It needs a newer glibc, but only for weak symbols: a relaxed copy is loaded.
        warnings: What is doubtful in its manifest.
    """

    installed: Installed
    replaced: Installed | None
    relaxed: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A package in the staging area. `stem` names a library that has no manifest; `shown` is what the user
    gave.
    """

    package: Path
    origin: Origin
    stem: str
    shown: str


def install(
    source: str | Path,
    *,
    store: Store | None = None,
    sha256: str | None = None,
    yes: bool = False,
    allow_private: bool = False,
    confirm: Callable[[Question], bool] | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
    grant: Collection[str] = (),
    ask: Callable[[PermissionRequest], Collection[str]] | None = None,
) -> Outcome:
    """Installs a plugin.

    Args:
        source: A directory, a library, an archive, an http or https address, or the name of a local project.
        store: Where to; by default the user's.
        sha256: What the file or download must hash to, in hexadecimal.
        yes: Take a download without a hash unasked.
        allow_private: Let a public name in the address lead to an address that is not public.
        confirm: Asks whether a download without a hash is to be taken; None when nobody can be asked.
        grant: Permissions that it gets, of those that it asks for; the others are refused then.
        ask: Asks for permissions and answers with those that are granted; None when nobody can be asked.
        on_progress: Called with the bytes of a download that came and the announced total (or None).

    Raises:
        InvalidInput: `source`, `sha256` or the plugin's name is not acceptable.
        PluginNotFound: There is nothing of that name.
        PermissionDenied: It asks for permissions, and nobody granted or refused them. What was installed stays.
        VerificationError: A hash or a package's structure is wrong, or a download was not agreed to.
        ManifestError: The manifest has problems, or asks for a newer LAO.
        PluginLoadError: The library cannot be loaded on this machine; the causes say why.
        LaoError: It could not be fetched or written.
    """
    store = store if store is not None else Store()
    expected = _wanted_hash(sha256)
    shown = str(source)
    with _explained(shown), store.stage() as folder:
        if _is_address(shown):
            arrival = _from_address(shown, folder, expected, yes, allow_private, confirm, on_progress)
        else:
            arrival = _from_path(_local(shown), folder, expected)
        return _finish(arrival, store, tuple(grant), ask)


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Turns what the file system refuses into an error of LAO."""
    try:
        yield
    except OSError as error:
        if isinstance(error, LaoError):
            raise
        reason = (error.strerror or str(error)).lower()
        where = str(error.filename or source)
        raise LaoError(f"cannot install `{printable(source)}`", causes=[reason], where=where) from error


# Arrivals


def _is_address(source: str) -> bool:
    return _ADDRESS.match(source) is not None and not os.path.exists(source)


def _local(source: str) -> Path:
    """The file or directory that is meant: a path, or the name of a local project."""
    if os.path.exists(source):
        return Path(os.path.abspath(source))
    if "/" in source or os.sep in source or _FILE_SUFFIX.search(source):
        raise InvalidInput(
            f"cannot install `{printable(source)}`", causes=["there is no such file or directory"]
        )
    project = find_project(source)
    if project is not None:
        return project.directory if project.manifest_file else project.library or project.directory
    from lao.model.names import suggest

    close = suggest(source, [project.name for project in find_projects()])
    raise PluginNotFound(
        f"cannot install `{printable(source)}`",
        name=source,
        suggestions=close,
        causes=["it is neither a file, a directory, an address, nor the name of a local project"],
    )


def _from_address(
    address: str,
    folder: Path,
    expected: str | None,
    yes: bool,
    allow_private: bool,
    confirm: Callable[[Question], bool] | None,
    on_progress: Callable[[int, int | None], None] | None,
) -> _Arrival:
    from lao.download import fetch
    from lao.public_web import without_credentials

    download = fetch(address, folder / "download", allow_private=allow_private, on_progress=on_progress)
    shown = without_credentials(address)
    _check_hash(shown, expected, download.sha256)
    if expected is None and not yes:
        question = Question(shown, download.sha256, download.size)
        if confirm is None:
            raise VerificationError(
                f"nothing vouches for `{shown}`",
                causes=["it was given without a hash, and there is no terminal to ask on"],
                hint=f"check where it comes from, then add `--sha256 {download.sha256}`, or `--yes`",
            )
        if not confirm(question):
            raise VerificationError(f"`{shown}` was not installed", causes=["you did not agree to it"])
    origin = Origin(kind="url", source=shown, sha256=download.sha256)
    name = _file_name(shown) or _file_name(download.address)
    return _unpack(download.file, folder, origin, name, shown, beside=None)


def _from_path(path: Path, folder: Path, expected: str | None) -> _Arrival:
    if path.is_dir():
        if expected is not None:
            raise InvalidInput("`--sha256` is for a file or an address", causes=[f"`{path}` is a directory"])
        if project_at(path) is None and not _is_source_project(path):
            raise InvalidInput(
                f"cannot install `{path}`",
                causes=["it has neither a `plugin.toml` nor a library"],
                where=str(path),
            )
        if folder.is_relative_to(path.resolve()):
            raise InvalidInput(
                f"cannot install `{path}`", causes=["it contains LAO's own home"], where=str(path)
            )
        package = folder / "package"
        package.mkdir()
        if _is_source_project(path):
            _copy_project(path, package)
        else:
            _copy_directory(path, package)
        return _Arrival(package, Origin(kind="directory", source=str(path)), path.name, str(path))
    if not path.is_file():
        raise InvalidInput(f"cannot install `{path}`", causes=["it is neither a file nor a directory"])
    copy = folder / "download"
    digest = _copy_file(path, copy)
    _check_hash(str(path), expected, digest)
    origin = Origin(kind="file", source=str(path), sha256=digest)
    return _unpack(copy, folder, origin, path.name, str(path), beside=path.with_name(MANIFEST))


def _unpack(
    file: Path, folder: Path, origin: Origin, name: str, shown: str, *, beside: Path | None
) -> _Arrival:
    """Makes the package directory of a file that is an archive or a bare library."""
    package = folder / "package"
    with file.open("rb") as stream:
        is_archive = stream.read(4).startswith(_ARCHIVES)
    if is_archive:
        from lao.package.archive import open_archive

        with _about(shown, file):
            open_archive(file).extract(package)
        if origin.kind == "file":
            origin = Origin(kind="archive", source=origin.source, sha256=origin.sha256)
        return _Arrival(package, origin, _archive_stem(name), shown)
    package.mkdir()
    library = package / _safe_file_name(name, shown)
    os.rename(file, library)
    os.chmod(library, 0o755)
    with _about(shown, library):
        _add_manifest(library, package, beside)
    return _Arrival(package, origin, library_stem(name), shown)


def _add_manifest(library: Path, package: Path, beside: Path | None) -> None:
    """Puts the manifest of a bare library into its package."""
    from lao.package.embed import library_manifest

    found = library_manifest(library, beside=beside)
    if found is not None:
        (package / MANIFEST).write_text(found[0], encoding="utf-8")


def _is_source_project(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("Cargo.toml", "CMakeLists.txt", "build/lao"))


def _copy_project(project: Path, package: Path) -> None:
    """Takes from a source project what a package holds: manifest, library and the pages about it."""
    library = newest_library(project)
    if library is None:
        raise PluginLoadError(
            f"cannot install `{project.name}`",
            causes=["the project is not built"],
            where=str(project),
            hint=f"run `lao plugin build {project} --release`",
        )
    for file in (library, project / MANIFEST, *pages(project)):
        if file.is_file():
            _copy_file(file, package / file.name)


def _copy_directory(source: Path, package: Path) -> None:
    """Copies an unpacked package; only regular files, and not without end."""
    count = size = 0
    for root, directories, names in os.walk(source):
        target = package / Path(root).relative_to(source)
        for name in sorted(directories):
            if os.path.islink(os.path.join(root, name)):
                raise _not_regular(source, os.path.join(root, name))
            (target / name).mkdir()
        for name in sorted(names):
            path = os.path.join(root, name)
            at = os.lstat(path)
            if not stat.S_ISREG(at.st_mode):
                raise _not_regular(source, path)
            count, size = count + 1, size + at.st_size
            if count > _MOST_FILES or size > _MOST_BYTES:
                raise VerificationError(
                    f"cannot install `{source}`",
                    causes=[f"it has more than {_MOST_FILES} files or {_MOST_BYTES} bytes"],
                    hint="give the directory of one plugin",
                )
            _copy_file(Path(path), target / name)


def _not_regular(source: Path, path: str) -> VerificationError:
    name = printable(os.path.relpath(path, source))
    return VerificationError(
        f"cannot install `{source}`", causes=[f"`{name}` is a link or a special file"], where=path
    )


def _copy_file(source: Path, target: Path) -> str:
    """Copies a regular file and returns the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    # O_NONBLOCK: a FIFO must not wait for a writer.
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(1 << 20):
            digest.update(chunk)
            writer.write(chunk)
        os.chmod(target, 0o755 if os.fstat(reader.fileno()).st_mode & stat.S_IXUSR else 0o644)
    return digest.hexdigest()


# Checks


def _finish(
    arrival: _Arrival,
    store: Store,
    grant: Collection[str],
    ask: Callable[[PermissionRequest], Collection[str]] | None,
) -> Outcome:
    """Checks a staged package, and stores it."""
    from lao.package.relax import needs_relaxing

    with _about(arrival.shown, arrival.package):
        manifest = _manifest(arrival.package)
        name = check_plugin_name(manifest.plugin.name if manifest else arrival.stem)
        info = _library(arrival.package, name, manifest)
        before = _before(store, name)
        warnings = [str(problem) for problem in manifest.warnings] if manifest else []
        if _is_stale(Path(arrival.origin.source), info):
            warnings.append("the project changed since its library was built: build it again")
        decided = _decide(store, name, manifest or _embedded(info), info, arrival.package, before, grant, ask)
        _seal(arrival.package)
        told = manifest or _embedded(info)
        claim = _claim(info, warnings) if told is None and info.entry == "lao/0.x" else None
    installed = store.add(
        arrival.package,
        name=name,
        library=str(PurePosixPath(info.path.relative_to(arrival.package))),
        origin=arrival.origin,
        version=manifest.plugin.version if manifest else claim.version if claim else "",
        description=manifest.plugin.description if manifest else claim.description if claim else "",
        capabilities=[
            capability.to_dict()
            for capability in (manifest.capabilities if manifest else claim.capabilities if claim else ())
        ],
        abi=info.entry or "",
        has_manifest=manifest is not None,
        claimed=claim is not None,
    )
    if decided is not None and replace(decided, digest="") != Decided():
        Grants(store.home).change(name, installed.digest, lambda _: decided)
    if decided is not None and decided.grant.granted:
        Audit(store.home).record(
            "grant",
            plugin=name,
            permissions=sorted(decided.grant.granted),
            digest=installed.digest,
            by="install",
        )
    return Outcome(installed, before, needs_relaxing(info), tuple(warnings))


def _libraries(package: Path) -> int:
    return sum(is_library_name(file.name) for file in package.rglob("*"))


def _claim(info: LibraryInfo, warnings: list[str]) -> PluginInfo | None:
    """What a LAO 0.x library without a manifest says of itself, asked once in a sandboxed worker without rights."""
    from lao.host import Host

    try:
        with (
            tempfile.TemporaryDirectory(prefix="lao-") as home,
            Host(Path(home)) as host,
            host.load(info.path, isolation="process", timeout=_CLAIM_S) as plugin,
        ):
            return plugin.info
    except LaoError as error:
        warnings.append(f"what it says of itself could not be read: {error}")
        return None


def _embedded(info: LibraryInfo) -> Manifest | None:
    from lao.model.manifest import parse_manifest

    return parse_manifest(info.manifest_text) if info.manifest_text is not None else None


def _decide(
    store: Store,
    name: str,
    manifest: Manifest | None,
    info: LibraryInfo,
    package: Path,
    before: Installed | None,
    grant: Collection[str],
    ask: Callable[[PermissionRequest], Collection[str]] | None,
) -> Decided | None:
    """What the package may do; None where nothing is to be decided. What was built here has what it asks for."""
    operator = operator_policy()
    operator.require(name, [word for word in grant if word != "none"], os.path.realpath)
    required, optional = (wanted.difference(operator.denied(wanted)) for wanted in wanted_by(manifest))
    grants = Grants(store.home)
    with info.path.open("rb") as library:
        built = grants.is_built(hashlib.file_digest(library, "sha256").hexdigest())
        # What was built here may come back in a package of somebody else's, beside a library that was not.
        if built and not grant and _libraries(package) == 1:
            grant = sorted(required | optional)
    if not (required or optional or grant or before):
        return None
    request = PermissionRequest(
        name=name,
        version=manifest.plugin.version if manifest else "",
        required=tuple(sorted(required)),
        optional=tuple(sorted(optional)),
        update=before is not None,
        hosts=tuple(manifest.resources.allowed_hosts) if manifest else (),
    )
    return grants.settle(request, given=grant, ask=ask)


def _before(store: Store, name: str) -> Installed | None:
    """What is installed under that name; a damaged record counts as nothing, since it is replaced."""
    try:
        return store.get(name)
    except VerificationError:
        return None


def _is_stale(source: Path, info: LibraryInfo) -> bool:
    """Whether `source` is a project that has other sources or another manifest than the library was built from."""
    from lao.build import built, open_project

    if not _is_source_project(source):
        return False
    manifest = source / MANIFEST
    embedded = info.manifest_text
    if embedded is not None and manifest.is_file() and manifest.read_bytes() != embedded.encode():
        return True
    if not (source / "build" / "lao" / "build.json").is_file():
        return False  # it was not built by `lao plugin build`, so there is nothing to compare with
    return built(open_project(source)) is None


def _manifest(package: Path) -> Manifest | None:
    from lao.model.manifest import parse_manifest, require_compatible

    file = package / MANIFEST
    if not file.is_file():
        return None
    try:
        manifest = parse_manifest(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ManifestError("the manifest `plugin.toml` is not UTF-8 text") from None
    require_compatible(manifest)
    return manifest


def _library(package: Path, name: str, manifest: Manifest | None) -> LibraryInfo:
    """The one library of a package that is a plugin and can be loaded here."""
    from lao.package.inspect import inspect_library
    from lao.package.loadable import explain_unloadable

    libraries = sorted(path for path in package.rglob("*") if path.is_file() and is_library_name(path.name))
    if not libraries:
        raise PluginLoadError(f"cannot install `{name}`", causes=["there is no library in it"])
    infos = [inspect_library(path) for path in libraries]
    entries = [info for info in infos if info.entry is not None] or infos
    named = [info for info in entries if fold_name(library_stem(info.path.name)) == fold_name(name)]
    chosen = (named if len(named) == 1 else entries)[0]
    if len(entries) > 1 and len(named) != 1:
        listed = ", ".join(f"`{info.path.relative_to(package)}`" for info in entries)
        raise PluginLoadError(
            f"cannot install `{name}`",
            causes=[f"several libraries in it could be the plugin: {listed}"],
            hint="give the library itself",
        )
    with _runtime_folders(manifest) as folders:
        error = explain_unloadable(chosen, search=folders)
    if error is not None:
        raise error
    return chosen


@contextmanager
def _runtime_folders(manifest: Manifest | None) -> Iterator[list[Path]]:
    """Where the libraries lie that the manifest's runtimes bring; they are not installed with the plugin."""
    tiers = manifest.resources.runtimes if manifest is not None else []
    if not tiers:
        yield []
        return
    from lao.host.runtimes import find_runtimes

    with tempfile.TemporaryDirectory(prefix="lao-runtimes-") as place:
        try:
            found = find_runtimes(tiers, gpu=False, cache_dir=Path(place))
        except PluginLoadError:
            found = ()  # it may be installed later; loading says what is missing
        yield [folder for runtime in found for folder in runtime.search]


def _seal(package: Path) -> None:
    """Writes the RECORD of a package that has none, and checks one that it has; its digest names the object."""
    from lao.package.record import RECORD, verify_record, write_record

    if (package / RECORD).exists():
        verify_record(package)
    else:
        write_record(package)


def _wanted_hash(sha256: str | None) -> str | None:
    if sha256 is None:
        return None
    wanted = sha256.strip().lower().removeprefix("sha256:").removeprefix("sha256=")
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise InvalidInput(f"`{printable(sha256)}` is not a SHA-256", causes=["it has 64 hexadecimal digits"])
    return wanted


def _check_hash(shown: str, expected: str | None, found: str) -> None:
    if expected is not None and expected != found:
        raise VerificationError(
            f"`{shown}` is not the file that is meant",
            causes=[f"its SHA-256 is {found}", f"wanted is {expected}"],
            hint="get the hash from its publisher again; if the file changed, do not install it",
        )


def _file_name(address: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(address).path).rsplit("/", 1)[-1]


def _archive_stem(name: str) -> str:
    """The plugin's name in an archive's file name, for a package without a manifest: `echo-1.0.0-x.tar.gz` is
    echo.
    """
    stem = re.sub(r"\.(tar\.gz|tgz|tar\.zst|lao)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"-v?\d.*$", "", stem) or stem


def _safe_file_name(name: str, shown: str) -> str:
    """The library's own file name, with a suffix by which it is known as a library."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}", name):
        raise InvalidInput(
            f"cannot install `{printable(shown)}`",
            causes=["its file name cannot become a plugin's name"],
            hint="rename the file, for example to `libmyplugin.so`",
        )
    return name if is_library_name(name) else f"{name}.so"


class _about:
    """Errors about a staged copy name what the user gave, since the copy is gone when they are read."""

    def __init__(self, shown: str, staged: Path) -> None:
        self._shown = shown
        self._staged = str(staged)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LaoError):
            error.message = error.message.replace(self._staged, self._shown)
            error.causes = tuple(cause.replace(self._staged, self._shown) for cause in error.causes)
            error.where = self._shown
