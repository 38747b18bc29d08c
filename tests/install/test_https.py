"""Encrypted downloads: the certificate is checked against the name, although the connection goes to an address."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lao.errors import LaoError, PermissionDenied
from lao.install import install
from tests.install.server import Site, content, redirect, serving

NAME = "plugins.example.org"

openssl = shutil.which("openssl")
pytestmark = pytest.mark.skipif(
    openssl is None, reason="openssl is not installed, which makes the certificate"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for NAME that nobody vouches for, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    assert openssl is not None
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    command += ["-addext", f"subjectAltName=DNS:{NAME}", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return files


@pytest.fixture
def secure(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An https site; NAME resolves to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host in (NAME, "other.example.org") else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with serving(context) as site:
        yield site


def at(site: Site, path: str, name: str = NAME) -> str:
    return f"https://{name}:{site.address.rsplit(':', 1)[1]}{path}"


def test_a_trusted_certificate(
    secure: Site, shared_library: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    secure.answers["/x.so"] = content(shared_library.read_bytes())
    installed = install(at(secure, "/x.so"), yes=True, allow_private=True).installed
    assert installed.origin.source == at(secure, "/x.so")


def test_a_certificate_that_nobody_vouches_for(secure: Site, home: Path) -> None:
    with pytest.raises(LaoError, match="certificate verify failed"):
        install(at(secure, "/x.so"), yes=True, allow_private=True)
    assert secure.requests == []


def test_a_certificate_for_another_name(
    secure: Site, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with pytest.raises(LaoError, match="certificate"):
        install(at(secure, "/x.so", "other.example.org"), yes=True, allow_private=True)
    assert secure.requests == []


def test_no_way_from_https_to_http(
    secure: Site, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    secure.answers["/x.so"] = redirect("http://example.org/x.so")
    with pytest.raises(PermissionDenied, match="it redirects from https to http"):
        install(at(secure, "/x.so"), yes=True, allow_private=True)
