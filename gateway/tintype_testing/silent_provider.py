"""A gateway whose provider takes each request, and never responds.

What is in progress there stays so until somebody ends it, however fast or slow the machine is.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.manifests import image_model, provider_binding


@contextmanager
def gateway_without_response(folder: Path) -> Iterator[GatewayProcess]:
    """Run a gateway with a demo account, and with the model `canvas` of such a provider."""
    catalog, credentials = folder / "catalog", folder / "credentials"
    catalog.mkdir()
    credentials.mkdir()
    (credentials / "openai.api-key").write_text("anything")
    flags = ("--demo", "--catalog-dir", catalog, "--credentials-dir", credentials)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts its connections
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        binding = provider_binding(endpoint=url, timeoutSeconds=3600)
        for number, manifest in enumerate((image_model(), binding)):
            (catalog / f"{number}.yaml").write_text(json.dumps(manifest))
        with running_process(folder, *flags) as gateway:
            yield gateway
