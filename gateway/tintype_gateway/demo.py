"""The demo account, and the commands to get a first image."""

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tintype_gateway.api.operations import GENERATION
from tintype_gateway.ledger.errors import AccountExistsError, InvalidKeyError
from tintype_gateway.ledger.interface import Author, Ledger


@asynccontextmanager
async def simulators() -> AsyncIterator[str]:
    """Run the simulators on a free loopback port while the block runs, and yield their URL."""
    from tintype_simulator.app import running  # which a gateway without them need not load

    async with running() as url:
        yield url


CONNECTION = frozenset({"serviceRef", "allowPrivate", "caBundle", "clientCertificate", "proxy"})
"""The fields of a binding that say how to reach its provider."""


FOLDERS = {
    "azure-openai": "/hosted/azure",
    "vertex-predict": "/hosted/vertex",
    "vertex-generate-content": "/hosted/vertex",
    "xai-images": "/hosted/xai",
    "fal": "/hosted/fal",
    "replicate": "/hosted/replicate",
    "bfl": "/hosted/bfl",
}
"""The path of the simulator below which it has the provider of a dialect, if it has one."""


def pointed_at(manifest: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a manifest; a binding's endpoint becomes its provider in the simulator at `url`.

    A binding that uses the workload's identity names a Secret instead, since no token of it may be
    meant for a simulator.
    """
    if manifest.get("kind") != "ProviderBinding" or not isinstance(manifest.get("spec"), dict):
        return manifest
    spec = {name: value for name, value in manifest["spec"].items() if name not in CONNECTION}
    if isinstance(spec.get("credentials"), dict) and spec["credentials"].get("workloadIdentity"):
        spec["credentials"] = {"secretRef": {"name": "simulated"}}
    folder = FOLDERS.get(str(spec.get("dialect")), "")
    return manifest | {"spec": spec | {"endpoint": url + folder}}


ACCOUNT = "demo"
AUTHOR = Author("command", "tintype gateway --demo")
MICRO_CREDITS = 1_000_000_000
"""A thousand credits: some hundred of the most expensive images."""


async def ensure_demo_key(ledger: Ledger, path: Path) -> str:
    """Return the demo account's key, which the first start creates and stores at `path`."""
    stored = _stored(path)
    if stored is not None:
        # A key of another ledger is not valid: a new one replaces it.
        with suppress(InvalidKeyError):
            await ledger.authenticate(stored)
            return stored
    with suppress(AccountExistsError):
        await ledger.create_account(ACCOUNT, credits_micro=MICRO_CREDITS, author=AUTHOR)
    _, secret = await ledger.create_key(ACCOUNT, author=AUTHOR)
    _write_private(path, secret)
    return secret


def welcome(url: str, key_path: Path, *, with_playground: bool = True) -> str:
    """Return the text for new users: commands for a first image."""
    path = key_path.absolute()
    page = f"\nIn a browser: {url}\n" if with_playground else ""
    return f"""
Tintype serves {url}/v1, with simulated providers. The demo key is in {path}.
{page}
In a shell:

curl -sS {url}{GENERATION.path} \\
  -H "Authorization: Bearer $(cat {shlex.quote(str(path))})" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-image-1", "prompt": "A sleepy hedgehog under a mushroom"}}' \\
  | python3 -c 'import base64, json, sys; image = json.load(sys.stdin)["data"][0]["b64_json"]; \\
    open("hedgehog.png", "wb").write(base64.b64decode(image))'

In Python, after `pip install openai`:

import base64, pathlib
from openai import OpenAI

key = pathlib.Path({str(path)!r}).read_text().strip()
client = OpenAI(base_url="{url}/v1", api_key=key)
response = client.images.generate(model="gpt-image-1", prompt="A sleepy hedgehog under a mushroom")
pathlib.Path("hedgehog.png").write_bytes(base64.b64decode(response.data[0].b64_json))

Ctrl-C stops it.
"""


def _stored(path: Path) -> str | None:
    return path.read_text().strip() if path.is_file() else None


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
