"""The Rust SDK writes the structs down once more: field by field they lie where the C headers have them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.abi.growth import ROOT
from tests.native.offsets import read_record

SOURCE = ROOT / "native" / "sdk-rust" / "src" / "abi.rs"
# Rust's names where C's are words of the language.
OTHER_FIELDS = {"param_type": "type"}
# Defined by the SDK for itself: no struct of the ABI.
OWN = {"Opaque"}


def structs() -> dict[str, list[str]]:
    """{Rust name: field names} of all structs in C layout."""
    text = re.sub(r"//[^\n]*", "", SOURCE.read_text("utf-8"))
    found = re.findall(r"#\[repr\(C\)\][^{]*?pub struct (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    return {
        name: re.findall(r"^\s+(?:pub )?(\w+):", body, re.MULTILINE)
        for name, body in found
        if name not in OWN
    }


def name_in_c(name: str) -> str:
    words = re.findall(r"[A-Z][a-z0-9]*", name.removeprefix("Raw"))
    return f"lao_{'_'.join(words).lower()}_t"


def test_every_struct_is_one_of_the_headers() -> None:
    record = read_record()["lp64"]
    assert len(structs()) >= 20
    for name, fields in structs().items():
        there = [field for field in record[name_in_c(name)] if field]
        assert [OTHER_FIELDS.get(field, field) for field in fields] == there, name


@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc: https://rustup.rs")
def test_every_field_lies_where_it_should(tmp_path: Path) -> None:
    done = compiled(tmp_path, 0)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc: https://rustup.rs")
def test_a_field_elsewhere_is_noticed(tmp_path: Path) -> None:
    done = compiled(tmp_path, 8)
    assert done.returncode != 0
    assert "RawRequest.deadline_ns" in done.stderr


def compiled(folder: Path, wrong_by: int) -> subprocess.CompletedProcess[str]:
    """Compiles the record as assertions over the SDK's structs; one of them off by some bytes."""
    record = read_record()["lp64"]
    lines = ["use std::mem::{align_of, offset_of, size_of};", f'#[path = "{SOURCE}"]', "mod abi;"]
    for name, fields in structs().items():
        known = record[name_in_c(name)]
        size, alignment = known[""]
        lines.append(
            f"const _: () = assert!(size_of::<abi::{name}>() == {size} && align_of::<abi::{name}>() == {alignment});"
        )
        for field in fields:
            offset = known[OTHER_FIELDS.get(field, field)][0]
            offset += wrong_by if (name, field) == ("RawRequest", "deadline_ns") else 0
            lines.append(
                f'const _: () = assert!(offset_of!(abi::{name}, {field}) == {offset}, "{name}.{field}");'
            )
    (folder / "layout.rs").write_text("\n".join(lines))
    command = ["rustc", "--edition=2021", "--crate-type=lib", "--emit=metadata", "--out-dir", str(folder)]
    return subprocess.run(
        [*command, "-Adead_code", "-Amissing_docs", str(folder / "layout.rs")],
        capture_output=True,
        text=True,
        check=False,
    )
