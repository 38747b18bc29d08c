"""Installing from an address: hashes, redirects, private addresses, and what goes wrong on the way."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from lao.download import fetch
from lao.errors import InvalidInput, LaoError, PermissionDenied, VerificationError
from lao.install import Question, install
from lao.public_web import is_public, without_credentials
from tests.install.conftest import left_behind
from tests.install.server import Site, content, cut, redirect, unannounced


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_address_with_its_hash(site: Site, shared_library: Path) -> None:
    site.answers["/speaker.so"] = content(shared_library.read_bytes())
    counted: list[tuple[int, int | None]] = []
    outcome = install(
        f"{site.address}/speaker.so",
        sha256=_sha256(shared_library),
        on_progress=lambda amount, total: counted.append((amount, total)),
    )
    origin = outcome.installed.origin
    assert (origin.kind, origin.source) == ("url", f"{site.address}/speaker.so")
    assert origin.sha256 == _sha256(shared_library)
    size = shared_library.stat().st_size
    assert sum(amount for amount, _ in counted) == size
    assert {total for _, total in counted} == {size}
    assert site.requests[0][1]["Accept-Encoding"] == "identity"


def test_a_bare_library_is_named_by_the_address(site: Site, tmp_path: Path) -> None:
    from tests.install.libraries import library

    site.answers["/releases/libfast.so?token=secret"] = content(library(tmp_path / "x.so").read_bytes())
    installed = install(f"{site.address}/releases/libfast.so?token=secret", yes=True).installed
    assert installed.name == "fast"
    assert installed.origin.source == f"{site.address}/releases/libfast.so"


def test_a_wrong_hash_leaves_nothing(site: Site, shared_library: Path, home: Path) -> None:
    site.answers["/x.so"] = content(shared_library.read_bytes())
    with pytest.raises(VerificationError, match="is not the file that is meant"):
        install(f"{site.address}/x.so", sha256="0" * 64, yes=True)
    assert left_behind(home) == []


def test_without_a_hash_nobody_to_ask(site: Site, shared_library: Path, home: Path) -> None:
    site.answers["/x.so"] = content(shared_library.read_bytes())
    with pytest.raises(VerificationError) as caught:
        install(f"{site.address}/x.so")
    assert caught.value.hint is not None
    assert f"--sha256 {_sha256(shared_library)}" in caught.value.hint
    assert "--yes" in caught.value.hint
    assert left_behind(home) == []


@pytest.mark.parametrize("agreed", [True, False])
def test_without_a_hash_the_user_is_asked(site: Site, shared_library: Path, home: Path, agreed: bool) -> None:
    site.answers["/x.so"] = content(shared_library.read_bytes())
    asked: list[Question] = []

    def confirm(question: Question) -> bool:
        asked.append(question)
        return agreed

    if agreed:
        assert install(f"{site.address}/x.so", confirm=confirm).installed.name == "speaker"
    else:
        with pytest.raises(VerificationError, match="was not installed"):
            install(f"{site.address}/x.so", confirm=confirm)
        assert left_behind(home) == []
    assert asked == [Question(f"{site.address}/x.so", _sha256(shared_library), shared_library.stat().st_size)]


def test_cut_off_in_the_middle(site: Site, shared_library: Path, home: Path) -> None:
    data = shared_library.read_bytes()
    site.answers["/x.so"] = cut(data, sent=len(data) // 2)
    with pytest.raises(VerificationError, match="was cut off"):
        install(f"{site.address}/x.so", yes=True)
    assert left_behind(home) == []


def test_an_empty_answer(site: Site, home: Path) -> None:
    site.answers["/x.so"] = content(b"")
    with pytest.raises(VerificationError, match="is empty"):
        install(f"{site.address}/x.so", yes=True)
    assert left_behind(home) == []


def test_too_large(site: Site, tmp_path: Path) -> None:
    site.answers["/announced"] = content(b"x" * 1001)
    site.answers["/unannounced"] = unannounced(b"x" * 200_000)
    for path in ("/announced", "/unannounced"):
        with pytest.raises(VerificationError, match="is too large"):
            fetch(site.address + path, tmp_path / "file", limit=1000)


def test_not_there_and_not_answering(site: Site, home: Path) -> None:
    with pytest.raises(LaoError, match="the server answered 404"):
        install(f"{site.address}/nothing.so", yes=True)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(LaoError, match="cannot fetch"):
            install(f"http://127.0.0.1:{port}/x.so", yes=True)
    with pytest.raises(LaoError, match="cannot be resolved"):
        install("http://nothing.invalid/x.so", yes=True)
    assert left_behind(home) == []


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://example.org/x.so",
        "data:text/plain,x",
        "gopher://x/",
        "javascript:alert(1)",
    ],
)
def test_other_schemes_are_refused(address: str, home: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot install from"):
        install(address, yes=True)
    assert left_behind(home) == []


# Redirects and private addresses


def test_redirects_are_followed_on_the_same_origin(site: Site, shared_library: Path) -> None:
    site.answers["/latest/speaker.so"] = redirect("/v2/speaker.so")
    site.answers["/v2/speaker.so"] = redirect(f"{site.address}/v3/speaker.so", 307)
    site.answers["/v3/speaker.so"] = content(shared_library.read_bytes())
    assert install(f"{site.address}/latest/speaker.so", yes=True).installed.name == "speaker"


def test_redirects_without_end(site: Site) -> None:
    site.answers["/x.so"] = redirect("/x.so")
    with pytest.raises(LaoError, match="it redirects more than 10 times"):
        install(f"{site.address}/x.so", yes=True)
    assert len(site.requests) == 11


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/x.so"])
def test_a_redirect_to_another_scheme(site: Site, home: Path, location: str) -> None:
    site.answers["/x.so"] = redirect(location)
    with pytest.raises(PermissionDenied, match="it redirects to a"):
        install(f"{site.address}/x.so", yes=True)
    assert left_behind(home) == []


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/x.so",
        "http://localhost:1/x.so",
        "http://[::1]:1/x.so",
        "http://169.254.169.254/latest",
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_redirect_never_leads_to_a_private_address(site: Site, location: str, allow_private: bool) -> None:
    site.answers["/x.so"] = redirect(location)
    with pytest.raises(PermissionDenied, match="which is not a public address"):
        install(f"{site.address}/x.so", yes=True, allow_private=allow_private)


@pytest.fixture
def pretended_names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names that resolve to what a test says; others as they are."""
    names: dict[str, str] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real(names.get(name, name), port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return names


def test_every_address_of_a_name_is_tried(
    site: Site, shared_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(site.address.rsplit(":", 1)[1])
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.2", "127.0.0.1")]
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        return entries if host == "localhost" else real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    site.answers["/x.so"] = content(shared_library.read_bytes())
    assert install(f"http://localhost:{port}/x.so", yes=True).installed.name == "speaker"
    assert site.requests[0][1]["Host"] == f"localhost:{port}"


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.216.34", "192.168.1.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: entries)
    with pytest.raises(PermissionDenied, match=r"leads to 192\.168\.1\.1"):
        install("http://plugins.example.org/x.so", yes=True)


def test_a_public_name_that_resolves_to_a_private_address(
    site: Site, shared_library: Path, home: Path, pretended_names: dict[str, str]
) -> None:
    pretended_names["plugins.example.org"] = "127.0.0.1"
    site.answers["/x.so"] = content(shared_library.read_bytes())
    address = f"{site.address.replace('127.0.0.1', 'plugins.example.org')}/x.so"
    with pytest.raises(PermissionDenied, match=r"`plugins.example.org` leads to 127.0.0.1"):
        install(address, yes=True)
    assert site.requests == []
    assert left_behind(home) == []
    assert install(address, yes=True, allow_private=True).installed.name == "speaker"
    assert site.requests[0][1]["Host"] == address.split("/")[2]


def test_credentials_stay_with_their_origin(
    site: Site, shared_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lao.download.is_public", lambda address: True)
    with_credentials = site.address.replace("http://", "http://ada:secret@")
    site.answers["/x.so"] = redirect(site.address.replace("127.0.0.1", "127.0.0.2") + "/y.so")
    site.answers["/y.so"] = content(shared_library.read_bytes())
    site.answers["/same.so"] = redirect("/z.so")
    site.answers["/z.so"] = content(shared_library.read_bytes())
    with pytest.raises(LaoError):  # nothing listens on 127.0.0.2: only what is sent to it would matter
        install(f"{with_credentials}/x.so", yes=True)
    assert "Authorization" in site.requests[0][1]
    installed = install(f"{with_credentials}/same.so", yes=True).installed
    assert "Authorization" in site.requests[-1][1]
    assert installed.origin.source == f"{site.address}/same.so"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_credentials_are_never_shown() -> None:
    assert without_credentials("https://ada:secret@example.org/x.so?t=1#a") == "https://example.org/x.so"
