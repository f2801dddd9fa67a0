"""Servers that prove by themselves who they are."""

import asyncio
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_REQUEST = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
    "-keyout key.pem -out certificate.pem -days 1 -subj /CN=provider "
)


async def self_signed(folder: Path, options: str) -> ssl.SSLContext:
    """Return what serves TLS with a new certificate, which is left in `certificate.pem`.

    Args:
        folder: Where key and certificate are written.
        options: Further options of `openssl req`, such as the names in the certificate.
    """
    command = [*_REQUEST.split(), *options.split()]
    await asyncio.to_thread(subprocess.run, command, cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in the PEM format."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """A private certificate authority, whose files are in a folder."""

    folder: Path

    @property
    def certificate(self) -> bytes:
        """The certificate of the authority, in the PEM format."""
        return (self.folder / "ca.pem").read_bytes()

    def issue(self, name: str, *options: str) -> Certificate:
        """Return a certificate with this common name; `options` are those of `openssl req`."""
        _openssl(
            self.folder,
            *_NEW_KEY,
            *("-keyout", "issued.key", "-out", "issued.pem", "-subj", f"/CN={name}"),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"),
            *options,
        )
        issued = (self.folder / file for file in ("issued.pem", "issued.key"))
        return Certificate(*(path.read_bytes() for path in issued))

    def server(self, *names: str, wants_clients: bool = False) -> ssl.SSLContext:
        """Return the TLS settings of a server with names such as `DNS:gpu.example.com`.

        Args:
            names: The names in its certificate.
            wants_clients: Whether clients must present a certificate of this authority.
        """
        issued = self.issue("server", "-addext", f"subjectAltName={','.join(names)}")
        (self.folder / "server.pem").write_bytes(issued.certificate + issued.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "server.pem")
        if wants_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.folder / "ca.pem")
        return context


def authority(folder: Path) -> Authority:
    """Return a new authority, with its files in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl(
        folder,
        *_NEW_KEY,
        *("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", *usage),
    )
    return Authority(folder)


_NEW_KEY = (
    *("req", "-x509", "-noenc", "-days", "1"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
)


def _openssl(folder: Path, *command: str) -> None:
    subprocess.run(("openssl", *command), cwd=folder, check=True, capture_output=True)
