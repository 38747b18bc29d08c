"""Every basic template, made and built once."""

from __future__ import annotations

import pytest

from lao.authoring import build_checked, find_source
from lao.templates import create_project
from tests.templates.made import Made


@pytest.fixture(scope="session", params=["c", "cpp", "rust"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    language = str(request.param)
    # A name with all that names may have, and a folder that a shell would trip over.
    directory = tmp_path_factory.mktemp(language) / "my plugins é" / f"Text.Tool_{language}"
    create_project(
        directory.name,
        directory,
        language=language,
        author='Ann "A" <a@b.c>',
        description="Does, it's said, much",
    )
    project = find_source(directory)
    return Made(language, project, build_checked(project, jobs=2))
