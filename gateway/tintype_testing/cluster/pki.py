"""The certificates of a temporary cluster, created by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

CURVE = "prime256v1"
"""Elliptic-curve keys, because RSA keys would take longer than the start of the cluster."""

DAYS = 2

EXTENSIONS = """\
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName={names}
"""

NAMES = ("DNS:localhost", "IP:127.0.0.1")
"""The host names and addresses in every server certificate."""


@dataclass(frozen=True)
class Pki:
    """A certificate authority and its certificates, as PEM files of a folder."""

    folder: Path

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def sign(self, name: str, subject: str) -> None:
        """Create a key and a certificate for a subject such as `/O=system:masters/CN=admin`."""
        _make_key(self.folder, name)
        _openssl(self.folder, f"req -new -key {name}.key -subj {subject} -out {name}.csr")
        authority = "-CA ca.crt -CAkey ca.key -CAcreateserial"
        days = f"-days {DAYS} -extfile extensions"
        _openssl(self.folder, f"x509 -req -in {name}.csr {authority} {days} -out {name}.crt")


def create_pki(folder: Path, *more_names: str) -> Pki:
    """Create an authority, certificates of server and clients, and the key that signs tokens."""
    folder.mkdir()
    (folder / "extensions").write_text(EXTENSIONS.format(names=",".join((*NAMES, *more_names))))
    _make_authority(folder)
    _make_key(folder, "service-account")
    pki = Pki(folder)
    pki.sign("apiserver", "/CN=kube-apiserver")
    pki.sign("admin", "/O=system:masters/CN=admin")
    return pki


def _make_authority(folder: Path) -> None:
    _make_key(folder, "ca")
    usage = "-addext keyUsage=critical,keyCertSign,digitalSignature"
    _openssl(folder, f"req -x509 -new -key ca.key -subj /CN=ca -days {DAYS} {usage} -out ca.crt")


def _make_key(folder: Path, name: str) -> None:
    _openssl(folder, f"ecparam -name {CURVE} -genkey -noout -out {name}.key")


def _openssl(folder: Path, arguments: str) -> None:
    command = ["openssl", *arguments.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
