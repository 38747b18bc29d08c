"""New plugin projects, made from `plugin-templates/<language>/<template>/` and what all languages of a template share,
`plugin-templates/all/<template>/`.

A template is a folder of text files with placeholders `{{key|form}}`. `form` says where the value stands, so that no
value can end the string it stands in: `toml` and `c` give a whole string literal with its quotation marks, `md`
plain text in Markdown. Without a form only `name`, `crate` and `ident` may stand, which have no character that
matters anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from lao.durable import remove_tree
from lao.errors import InvalidInput, LaoError
from lao.model.names import check_plugin_name, fold_name, suggest

__all__ = ["LANGUAGES", "create_project", "languages", "render", "templates"]

LANGUAGES = {"rust": "Rust", "cpp": "C++", "c": "C"}
"""Languages with templates, the default one first."""

_ALIASES = {"c++": "cpp", "cxx": "cpp", "rs": "rust"}
# Words of Rust, crates of its own, and targets of CMake.
_RESERVED = (
    "all alloc as async audio await box break clean const continue core crate dep dyn edit-cache else enum "
    "example extern false fn for help if impl in install lao-plugin lao-sdk let loop main make-models match mod "
    "models move mut package plugin proc-macro processing pub rebuild-cache ref return self static std struct "
    "super test test-parts test-sound test-text trait true try type union unsafe use where while yield"
)
_PLACEHOLDER = re.compile(r"\{\{(\w+)(?:\|(\w+))?\}\}")
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


def languages() -> list[str]:
    """The languages that `create_project` knows, by their short names, e.g. `rust`."""
    return list(LANGUAGES)


def templates(language: str) -> list[str]:
    """The templates that exist for a language.

    Raises:
        InvalidInput: No such language.
    """
    folder = _templates_dir() / _language(language)
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def create_project(
    name: str,
    directory: str | Path,
    *,
    template: str = "basic",
    language: str = "rust",
    author: str,
    description: str,
) -> list[Path]:
    """Makes a project: all of it, or nothing.

    Args:
        name: Name of the plugin.
        directory: Where it goes; it must not exist, or be empty.
        template: What it is made from.
        language: `rust`, `cpp` or `c`.
        author: Written into the manifest; white space is made single blanks.
        description: The same.

    Returns:
        The files, relative to the directory.

    Raises:
        InvalidInput: The name, the language or the template cannot be, or the folder holds something already.
        LaoError: The folder cannot be written.
    """
    check_plugin_name(name)
    sources = _template(_language(language), template)
    if not os.fspath(directory):
        raise InvalidInput(f"cannot create `{name}`: no folder is named", hint="`.` is the current one")
    target = Path(os.path.abspath(directory))
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise InvalidInput(
            f"cannot create `{name}`: there is something at `{directory}` already",
            hint="choose another name or `--output DIRECTORY`; nothing was changed",
        )
    values = _values(name, author, description)
    files = {
        file.relative_to(source): render(file.read_text("utf-8"), values)
        for source in sources
        for file in sorted(source.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    _check_manifest(files[Path("plugin.toml")])
    try:
        _write(files, target)
    except OSError as error:
        raise LaoError(
            f"cannot create `{name}`", causes=[error.strerror or str(error)], where=str(target)
        ) from error
    return sorted(files)


def render(text: str, values: dict[str, str]) -> str:
    """`text` with its placeholders replaced. What a value contains is not looked through again.

    Raises:
        KeyError: An unknown placeholder or form.
        ValueError: A value without a form that has more than letters, digits and `._-`.

    Example:
        >>> render("name = {{name|toml}}", {"name": 'a "b"'})
        'name = "a \\\\"b\\\\""'
    """

    def replace(match: re.Match[str]) -> str:
        value, form = values[match[1]], match[2]
        if form is not None:
            return _FORMS[form](value)
        if not _PLAIN.fullmatch(value):
            raise ValueError(f"`{{{{{match[1]}}}}}` needs a form: its value is {value!r}")
        return value

    return _PLACEHOLDER.sub(replace, text)


def _toml_literal(value: str) -> str:
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    escaped = (short.get(c) or (c if c.isprintable() or c == " " else f"\\U{ord(c):08X}") for c in value)
    return '"' + "".join(escaped) + '"'


def _c_literal(value: str) -> str:
    # Octal, because a hexadecimal escape has no end; `?` because of trigraphs.
    data = value.encode("utf-8")
    plain = (chr(b) if 0x20 <= b < 0x7F and chr(b) not in '"\\?' else f"\\{b:03o}" for b in data)
    return '"' + "".join(plain) + '"'


def _markdown(value: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|&])", r"\\\1", " ".join(value.split()))


_FORMS = {"toml": _toml_literal, "c": _c_literal, "md": _markdown}


def _values(name: str, author: str, description: str) -> dict[str, str]:
    crate = fold_name(name).replace("_", "-").replace(".", "-").strip("-")
    crate = re.sub(r"-+", "-", crate)
    if not crate[:1].isalpha():
        crate = f"plugin-{crate}"
    if crate in _RESERVED.split():
        crate = f"{crate}-plugin"
    return {
        "name": name,
        "crate": crate,
        "ident": crate.replace("-", "_"),
        "author": " ".join(author.split()),
        "description": " ".join(description.split()),
    }


def _check_manifest(text: str) -> None:
    """What was passed in must give a sound manifest: an invisible character in the author's name, say, does not."""
    from lao.model.manifest import parse_manifest

    parse_manifest(text)


def _templates_dir() -> Path:
    from lao.paths import templates_dir

    return templates_dir()


def _language(language: str) -> str:
    known = _ALIASES.get(language.lower(), language.lower())
    if known in LANGUAGES:
        return known
    close = suggest(language, LANGUAGES, limit=1)
    listed = ", ".join(LANGUAGES)
    raise InvalidInput(
        f"there are no templates in the language `{language}`",
        hint=f"did you mean `{close[0]}`? There are {listed}" if close else f"choose one of {listed}",
    )


def _template(language: str, template: str) -> list[Path]:
    """The folders that a project is made of; files of the later ones come before those of the earlier."""
    known = templates(language)
    if template in known:
        return [_templates_dir() / folder / template for folder in ("all", language)]
    close = suggest(template, known, limit=1)
    listed = ", ".join(known)
    raise InvalidInput(
        f"there is no template `{template}` for {LANGUAGES[language]}",
        hint=f"did you mean `{close[0]}`? There are: {listed}" if close else f"there are: {listed}",
    )


def _write(files: dict[Path, str], target: Path) -> None:
    """Into a new folder by one rename; into an empty one, which may be a mount or in use, entry by entry."""
    exists = target.is_dir()
    folder = target if exists else target.parent
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".create-", dir=folder))
    moved: list[Path] = []
    try:
        for path, text in files.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_text(text, "utf-8", newline="\n")
        if exists:
            for entry in sorted(staging.iterdir()):
                moved.append(entry.rename(target / entry.name))
            staging.rmdir()
        else:
            staging.chmod(0o777 & ~_umask())
            staging.rename(target)
    except BaseException:
        for entry in moved:
            remove_tree(entry)
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
