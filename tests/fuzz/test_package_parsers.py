"""Mutation fuzzing of everything that parses foreign bytes; `make fuzz` runs this file as a script, and longer.

LAO_FUZZ_SECONDS is the time for each target (3 s by default, so that the ordinary tests stay quick; 60 s as a
script), LAO_FUZZ_SEED the seed, which a failure prints.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lao.errors import LaoError
from lao.model.manifest import check_manifest, parse_manifest
from lao.package.archive import open_archive, write_archive
from lao.package.inspect import inspect_library

SLOWEST_S = 10.0  # one input; a runaway loop or a quadratic parser shows here

MANIFEST = """
[plugin]
name = "fuzz"
version = "1.0.0"
[[dependencies]]
name = "other"
version = "^1.2"
[[capabilities]]
name = "process"
input_type = "text"
output_type = "json"
params_schema = { type = "object", properties.a = { type = "integer" } }
[permissions]
required = ["read_files"]
[resources]
max_memory_mb = 512
file_access = ["./data/"]
[config_schema]
properties.x = { type = "string", default = "y", pattern = "a+" }
[[events]]
name = "done"
"""


def mutate(data: bytes, random_: random.Random) -> bytes:
    """A few random edits: bits, interesting numbers, copied, removed and repeated pieces, a cut."""
    out = bytearray(data)
    for _ in range(random_.choice((1, 1, 2, 4, 16))):
        at = random_.randrange(len(out) or 1)
        if random_.random() < 0.5:
            at = min(at, random_.randrange(4096))  # headers are where parsers look
        kind = random_.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << random_.randrange(8)
        elif kind == 1:
            number = random_.choice(
                (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1, len(out))
            )
            width = random_.choice((1, 2, 4, 8))
            out[at : at + width] = (number % (1 << (8 * width))).to_bytes(width, "little")
        elif kind == 2:
            source = random_.randrange(len(out) or 1)
            out[at : at + 16] = out[source : source + 16]
        elif kind == 3:
            del out[at : at + random_.choice((1, 8, 512))]
        elif kind == 4:
            out[at:at] = out[at : at + random_.choice((1, 8, 512))]
        elif random_.random() < 0.1:
            del out[at:]
        if not out:
            break
    return bytes(out)


def keep(name: str, data: bytes) -> Path:
    """Writes an input that fails into build/, for a look at it."""
    path = Path(__file__).parents[2] / "build" / f"fuzz-{name.replace(' ', '-')}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def fuzz(name: str, seeds: list[bytes], target: Callable[[bytes], None]) -> None:
    """Feeds mutations of `seeds` to `target`, which may only raise a LaoError."""
    seed = int(os.environ.get("LAO_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    random_ = random.Random(seed)
    end = time.monotonic() + float(os.environ.get("LAO_FUZZ_SECONDS", "3"))
    count = 0
    while time.monotonic() < end or count < 20:
        data = mutate(random_.choice(seeds), random_)
        started = time.monotonic()
        try:
            target(data)
        except LaoError:
            pass
        except Exception as error:
            kept = keep(name, data)
            error.add_note(
                f"fuzzing {name}: LAO_FUZZ_SEED={seed}, input {count}, kept in {kept}: {data[:200]!r}..."
            )
            raise
        count += 1
        assert time.monotonic() - started < SLOWEST_S, f"LAO_FUZZ_SEED={seed}, input {count} is too slow"
    print(f"{name}: {count} inputs, seed {seed}")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A real library of this system, and the frames of the other formats."""
    import subprocess

    folder = tmp_path_factory.mktemp("libraries")
    (folder / "a.c").write_text(
        '#include <stdio.h>\nconst char lao_plugin_manifest[] = "x = 1";\nint f(void) { return puts("a"); }\n'
    )
    for style in ("gnu", "sysv"):
        command = ["gcc", "-shared", "-fPIC", f"-Wl,--hash-style={style}", "-o", f"{style}.so", "a.c"]
        subprocess.run(command, cwd=folder, check=True, timeout=60)
    pe = bytearray(1024)
    pe[:2], pe[0x3C:0x40] = b"MZ", (64).to_bytes(4, "little")
    pe[64:68] = b"PE\0\0"
    pe[68:88] = (0x8664).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(12) + b"\xf0\x00\x22\x20"
    pe[88:90], pe[196:200] = b"\x0b\x02", (16).to_bytes(4, "little")
    macho = b"\xcf\xfa\xed\xfe" + bytes.fromhex("0700000103000000060000000100000018000000") + bytes(8)
    macho += (2).to_bytes(4, "little") + (24).to_bytes(4, "little") + bytes(256)
    fat = b"\xca\xfe\xba\xbe" + (1).to_bytes(4, "big")
    fat += b"".join(n.to_bytes(4, "big") for n in (0x01000007, 3, 28, len(macho), 0)) + macho
    return [(folder / "gnu.so").read_bytes(), (folder / "sysv.so").read_bytes(), bytes(pe), macho, fat]


def test_fuzz_libraries(tmp_path: Path, libraries: list[bytes]) -> None:
    path = tmp_path / "x.so"

    def target(data: bytes) -> None:
        path.write_bytes(data)
        inspect_library(path)

    fuzz("libraries", libraries, target)


def test_fuzz_archives(tmp_path: Path) -> None:
    import gzip

    files = {"plugin.toml": MANIFEST.encode(), "a/b": b"x" * 700, "c": b""}
    packed = write_archive(files, tmp_path / "seed.tar.gz").read_bytes()
    tar = gzip.decompress(packed)
    path = tmp_path / "work" / "x.tar.gz"
    path.parent.mkdir()

    def packed_target(data: bytes) -> None:
        path.write_bytes(data)
        open_archive(path)

    def tar_target(data: bytes) -> None:
        path.write_bytes(gzip.compress(_mend(data), 1))
        open_archive(path)

    fuzz("archives", [packed], packed_target)
    fuzz("tar", [tar], tar_target)
    assert os.listdir(path.parent) == ["x.tar.gz"]


def _mend(tar: bytes) -> bytes:
    """Corrects the checksums of headers, so that mutations reach what lies behind that check."""
    out = bytearray(tar)
    for at in range(0, len(out) - 511, 512):
        if out[at + 257 : at + 262] == b"ustar":
            out[at + 148 : at + 156] = b" " * 8
            out[at + 148 : at + 156] = b"%06o\0 " % sum(out[at : at + 512])
    return bytes(out)


def test_fuzz_manifests() -> None:
    def target(data: bytes) -> None:
        check_manifest(parse_manifest(data.decode("utf-8", "replace")))

    flat = 'name = "a"\nversion = "1.0"\npermissions = ["read_files"]\n[[capabilities]]\nname = "x"\n'
    fuzz("manifests", [MANIFEST.encode(), flat.encode()], target)


if __name__ == "__main__":
    os.environ.setdefault("LAO_FUZZ_SECONDS", "60")
    raise SystemExit(pytest.main([__file__, "-q", "-s"]))
