"""The package that an author gives away: manifest, library, README, licence and checksums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lao.authoring.building import build_checked
from lao.build import ProjectSource, Target
from lao.errors import InvalidInput
from lao.package.archive import archive_kind, write_archive
from lao.package.inspect import inspect_library
from lao.package.platform_tag import platform_tag
from lao.projects import pages, resources

__all__ = ["package"]


def package(
    project: ProjectSource,
    output: str | Path | None = None,
    *,
    target: Target | None = None,
    on_output: Callable[[str], None] | None = None,
) -> Path:
    """Packs the release build, which the tools bring up to date first.

    Args:
        project: From `find_source`.
        output: A `.tar.gz` or `.lao` file; default `NAME-VERSION-PLATFORM.tar.gz` in the current directory.
        target: The system to build for; None for this one.
        on_output: Gets the compiler's output.

    Returns:
        The file. The same sources, compiled to the same library, give the same bytes.

    Raises:
        InvalidInput: `output` has another suffix.
        ManifestError, BuildFailed, LaoError: See `build_checked`.
    """
    if output is not None and archive_kind(output) is None:
        raise InvalidInput(f"`{output}` is no name for a package", hint="let it end in `.tar.gz` or `.lao`")
    manifest = project.manifest()
    # Also where no file of the project changed: it may include others.
    library = build_checked(project, release=True, on_output=on_output, target=target).library
    tag = platform_tag(inspect_library(library))
    files: dict[str, bytes | Path] = {"plugin.toml": project.manifest_file, library.name: library}
    files |= {page.name: page for page in pages(project.directory)}
    files |= resources(project.directory)
    name = f"{manifest.plugin.name}-{manifest.plugin.version}-{tag}.tar.gz"
    return write_archive(files, Path(output) if output is not None else Path.cwd() / name)
