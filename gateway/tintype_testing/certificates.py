"""Servers that prove by themselves who they are."""

import asyncio
import ssl
import subprocess
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
