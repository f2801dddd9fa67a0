"""TLS of one binding: its own certificate authorities, and the certificate of the gateway."""

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tintype_catalog.catalog import Binding
from tintype_gateway.values.faults import UpstreamFault


@dataclass
class TlsFiles:
    """The current files of TLS, by name as `tintype_catalog.connection.tls_file` forms it."""

    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class TlsMaterial:
    """The content of the files that one binding names."""

    authorities: bytes | None = None
    """The only authorities that may identify the server. None: those of the system."""

    certificate: bytes | None = None
    """The certificate of the gateway and its key. None: the gateway presents none."""

    def context(self) -> ssl.SSLContext:
        """Return the TLS settings of connections. It reads and writes files.

        Raises:
            ValueError: A file is not in the PEM format, or the key is not that of the certificate.
        """
        try:
            authorities = None if self.authorities is None else self.authorities.decode("ascii")
            context = ssl.create_default_context(cadata=authorities)
            if self.certificate is not None:
                _load(context, self.certificate)
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error
        return context


SYSTEM = TlsMaterial()
"""The authorities of the system, and no certificate."""


def material_of(binding: Binding, files: Mapping[str, bytes]) -> TlsMaterial:
    """Return the content of the files that a binding names.

    Raises:
        UpstreamFault: A file is missing.
    """
    for name in tls_files_of(binding):
        if not files.get(name):
            cause = f"there is no file {name}"
            raise UpstreamFault("misconfigured", "its TLS files are missing", cause=cause)
    bundle, certificate = binding.ca_bundle, binding.client_certificate
    return TlsMaterial(
        None if bundle is None else files[bundle.file],
        None if certificate is None else b"\n".join(files[name] for name in certificate.files),
    )


def tls_files_of(binding: Binding) -> tuple[str, ...]:
    """Return the names of the files that a binding needs; empty if it needs none."""
    bundle, certificate = binding.ca_bundle, binding.client_certificate
    authorities = () if bundle is None else (bundle.file,)
    return authorities if certificate is None else (*authorities, *certificate.files)


def _load(context: ssl.SSLContext, certificate: bytes) -> None:
    """Load a certificate with its key, which OpenSSL takes from a file only."""
    with tempfile.TemporaryDirectory() as folder:  # only this user can read it
        path = Path(folder, "certificate.pem")
        path.write_bytes(certificate)
        context.load_cert_chain(path, password=_no_password)


def _no_password() -> str:
    """Refuse an encrypted key, for which OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted")
