"""Writes the C source of the cffi module `lao._native._glue`: `build_cffi.py OUTPUT.c`.

cffi defines the ABI for Python; `glue.h` is what it calls, and the calls that must be fast go through the C types of
`lao._native._hot`, which live in the same shared object.
"""

import sys
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent

# What cffi writes uses memset and alloca, which Python.h declares only outside of the limited API.
PREAMBLE = """
#include <string.h>
#if defined(_WIN32)
#include <malloc.h>
#else
#include <alloca.h>
#endif
#include "glue.h"
"""


def main() -> None:
    builder = cffi.FFI()
    builder.cdef((HERE / "glue.cdef").read_text(encoding="utf-8"))
    builder.set_source("lao._native._glue", PREAMBLE)
    builder.emit_c_code(sys.argv[1])


if __name__ == "__main__":
    main()
