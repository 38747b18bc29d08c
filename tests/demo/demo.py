"""What `make demo` shows: a plugin from a template, then a photograph through a native plugin, three ways.

Everything happens in `build/demo`, with a LAO home of its own there. Each step prints the command that it runs and what
the command says; the first that fails ends the demo with its status.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "demo"
HOME = WORK / "home"
PHOTO_PLUGIN = Path(__file__).resolve().parent / "photo"

WORKFLOW = """\
workflow: shrink and outline
steps:
  - run: photo
    id: small
    capability: half
    input: ${input.photo}
  - run: photo
    capability: edges
    input_from: small
    gain: 2
"""


def main() -> int:
    """Runs the whole demo; returns its exit status."""
    try:
        prepare()
        from_a_template()
        package_and_install()
        photo = photograph()
        from_python(photo)
        from_the_shell(photo)
        from_a_workflow(photo)
        what_next()
    except subprocess.CalledProcessError as error:
        say(f"\nthe demo ends here: the command returned {error.returncode}")
        return 1
    return 0


def prepare() -> None:
    """An empty `build/demo`, and a LAO home in it for this process and its commands."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    os.environ["LAO_HOME"] = str(HOME)
    for name in ("LAO_PLUGIN_DIR", "LAO_PLUGINS_DIR"):
        os.environ.pop(name, None)
    os.chdir(WORK)


def from_a_template() -> None:
    """Create, build, test and call a plugin that a template wrote."""
    title("1. A plugin from a template")
    lao("plugin", "create", "hello", "--template", "basic", "--description", "Says hello")
    lao("plugin", "build", "plugins/hello")
    lao("plugin", "call", "hello", "--input", "Hello, native world")


def package_and_install() -> None:
    """The plugin of image filters: built, packed to one file, and installed from that file."""
    title("2. A plugin of image filters in C++, packed and installed")
    shutil.copytree(PHOTO_PLUGIN, WORK / "photo", ignore=shutil.ignore_patterns("build"))
    lao("plugin", "build", "photo", "--release")
    lao("plugin", "package", "photo", "--output", "photo.tar.gz")
    lao("plugin", "install", "photo.tar.gz", "--yes")
    lao("plugin", "list")


def photograph() -> Path:
    """A photograph from scikit-image's wheel: Eileen Collins, astronaut; NASA, public domain."""
    import skimage

    source = Path(skimage.__file__).parent / "data" / "astronaut.png"
    shutil.copyfile(source, WORK / "astronaut.png")
    return WORK / "astronaut.png"


def from_python(photo: Path) -> None:
    """Calls the filters on the photograph in both places a plugin can run, against numpy."""
    title("3. From Python, on a photograph")
    say('    photo = host.load("photo", isolation=...)\n    edges = photo.call("edges", image, gain=2)\n')
    import numpy as np
    from PIL import Image

    import lao as library

    image = np.asarray(Image.open(photo).convert("RGB"))
    expected = numpy_edges(image, 2)
    rows = [("numpy", best_of(lambda: numpy_edges(image, 2)))]
    with library.Host() as host:
        for isolation, words in (("none", "in this process"), ("process", "in a worker process")):
            plugin = host.load("photo", isolation=isolation)
            edges = plugin.call("edges", image, gain=2)
            if not np.array_equal(edges, expected):
                raise SystemExit(f"the plugin, {words}, does not give what numpy gives")
            rows.append(
                (f"the plugin, {words}", best_of(lambda call=plugin.call: call("edges", image, gain=2)))
            )
    say(f"edges of a photograph of {image.shape[1]} x {image.shape[0]} pixels, the same in all three:")
    for words, seconds in rows:
        say(f"    {words:<32} {seconds * 1000:7.2f} ms  {rows[0][1] / seconds:5.1f} x")


def from_the_shell(photo: Path) -> None:
    """One filter over the file."""
    title("4. From the shell")
    lao("plugin", "call", "photo", "grayscale", "--input", f"@{photo.name}", "--output", "gray.png")


def from_a_workflow(photo: Path) -> None:
    """Two filters, the output of one the input of the other."""
    title("5. From a workflow")
    say(WORKFLOW)
    (WORK / "outline.yaml").write_text(WORKFLOW, encoding="utf-8")
    lao("run", "outline.yaml", "--input", f"photo=@{photo.name}", "--output", "outline.png")


def what_next() -> None:
    """Where the results are, and what to try."""
    title("Done")
    place = WORK.relative_to(ROOT)
    say(
        f"""\
The photograph and what became of it are in {place}: astronaut.png, gray.png, outline.png.

Try next, after `cd {place}; export LAO_HOME=$PWD/home PATH=$PWD/../../.venv/bin:$PATH`:
    lao plugin info photo                        what it can do
    lao plugin create mine --lang cpp            your own plugin, in C++, C or Rust
    lao plugin build plugins/mine && lao plugin test plugins/mine --input 'Hello, World!'
    lao run outline.yaml --dry-run               what a workflow would do
    lao doctor                                   what this machine can build, load and enforce
docs/workflows.md and docs/manifest.md say the rest."""
    )


def lao(*words: str) -> None:
    """Prints and runs one `lao` command; its output goes where this one's goes.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    say(f"$ lao {shlex.join(words)}")
    subprocess.run([sys.executable, "-m", "lao", *words], check=True)
    say("")


def numpy_edges(image: Any, gain: int) -> Any:
    """The filter `edges` in numpy: |Sobel x| + |Sobel y| of the luma over 4, times `gain`; uint8 [h, w, 1]."""
    import numpy as np

    wide = image.astype(np.uint32)
    gray = ((77 * wide[..., 0] + 150 * wide[..., 1] + 29 * wide[..., 2] + 128) >> 8).astype(np.int32)
    a, b, c = gray[:-2], gray[1:-1], gray[2:]
    down = c[:, :-2] + 2 * c[:, 1:-1] + c[:, 2:] - a[:, :-2] - 2 * a[:, 1:-1] - a[:, 2:]
    right = a[:, 2:] + 2 * b[:, 2:] + c[:, 2:] - a[:, :-2] - 2 * b[:, :-2] - c[:, :-2]
    result = np.zeros((*gray.shape, 1), np.uint8)
    result[1:-1, 1:-1, 0] = np.minimum(255, (np.abs(down) + np.abs(right)) * gain // 4)
    return result


def best_of(call: Callable[[], object], *, times: int = 30) -> float:
    """Seconds of the fastest of some calls."""
    fastest = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        call()
        fastest = min(fastest, time.perf_counter() - begun)
    return fastest


def title(text: str) -> None:
    """A heading."""
    say(f"\n== {text}\n")


def say(text: str) -> None:
    """A line of the demo, ahead of what the next command prints."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
