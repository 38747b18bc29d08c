"""Calls zig as a compiler, linker or archiver: `zig_tool.py ZIG TARGET TOOL ARGUMENTS...`.

Runs once for every file that is compiled, so it imports next to nothing and becomes zig. What CMake, rustc and
build scripts write for GCC or Apple's clang, and zig does not know, is translated here.
"""

import os
import sys

__all__ = ["main", "translated"]

_COMPILERS = ("cc", "c++")

# What zig links unasked, or has under another name. Words that are not here are passed on.
_OTHER_WORDS = {
    "-lgcc_s": "-lunwind",
    "-lgcc_eh": "-lunwind",
    "-lgcc": "",
    "-bundle": "-dynamiclib",  # a library all the same
}
_OTHER_WORDS_WINDOWS = {
    "-l:libpthread.a": "",
    "-lmsvcrt": "",
    "-lmingwex": "",
    "-lmingw32": "",
    "-Wl,--disable-auto-image-base": "",
}
_WITH_OPERAND = frozenset({"-target", "--target", "-arch", "-isysroot"})  # the target is for zig alone to say


def translated(arguments: list[str], target: str) -> list[str]:
    """The words for zig's compiler in place of those for another one."""
    windows = "-windows-" in target
    others = {**_OTHER_WORDS, **(_OTHER_WORDS_WINDOWS if windows else {})}
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in _WITH_OPERAND:
            next(rest, None)
        elif word.startswith("@") and os.path.isfile(word[1:]):
            words += translated(_read_words(word[1:]), target)
        elif windows and word.startswith("-Wl,") and word.endswith(".def"):
            words.append(word.removeprefix("-Wl,"))
        elif not word.startswith("--target="):
            words.append(others.get(word, word))
    return [word for word in words if word]


def _read_words(file: str) -> list[str]:
    """The words of a response file, which compilers quote like a shell."""
    import shlex

    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    return shlex.split(text.replace("\\", "/") if os.name == "nt" else text)


def main(words: list[str]) -> int:
    """Becomes zig, where the system can; else runs it and returns its status."""
    zig, target, tool, *arguments = words
    if tool in _COMPILERS:
        command = [zig, tool, "-target", target, *translated(arguments, target)]
    else:
        command = [zig, tool, *arguments]
    if os.name != "nt":
        os.execv(zig, command)
    import subprocess

    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
