"""The certificates of a throw-away cluster, made by the openssl command."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

CURVE = "prime256v1"
"""Generating RSA keys would take longer than starting the cluster."""

DAYS = 2

EXTENSIONS = """\
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:localhost,IP:127.0.0.1
"""


@dataclass(frozen=True)
class Pki:
    """One authority and what it signed, as PEM files of a folder."""

    folder: Path

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def create_pki(folder: Path) -> Pki:
    """An authority, the certificates of server and clients, and the key that signs tokens."""
    folder.mkdir()
    (folder / "extensions").write_text(EXTENSIONS)
    _make_authority(folder)
    _make_key(folder, "service-account")
    _sign(folder, "apiserver", "/CN=kube-apiserver")
    _sign(folder, "admin", "/O=system:masters/CN=admin")
    return Pki(folder)


def _make_authority(folder: Path) -> None:
    _make_key(folder, "ca")
    usage = "-addext keyUsage=critical,keyCertSign,digitalSignature"
    _openssl(folder, f"req -x509 -new -key ca.key -subj /CN=ca -days {DAYS} {usage} -out ca.crt")


def _make_key(folder: Path, name: str) -> None:
    _openssl(folder, f"ecparam -name {CURVE} -genkey -noout -out {name}.key")


def _sign(folder: Path, name: str, subject: str) -> None:
    _make_key(folder, name)
    _openssl(folder, f"req -new -key {name}.key -subj {subject} -out {name}.csr")
    authority = "-CA ca.crt -CAkey ca.key -CAcreateserial"
    _openssl(
        folder,
        f"x509 -req -in {name}.csr {authority} -days {DAYS} -extfile extensions -out {name}.crt",
    )


def _openssl(folder: Path, arguments: str) -> None:
    command = ["openssl", *arguments.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
