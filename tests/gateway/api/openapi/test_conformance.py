"""Schemathesis asks a running gateway for whatever its own document allows, and what it forbids.

`SCHEMATHESIS_EXAMPLES` sets how many random requests each operation gets, beside those that cover
the document systematically.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tintype_testing.gateway import canvas
from tintype_testing.gateway_process import GatewayProcess, running_process

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))

NOT_PROMISED = "positive_data_acceptance"
"""What fits the schema may still not suit the model, and is 400 or 404 then."""


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "sketch.yaml").write_text(yaml.safe_dump_all(canvas()))
    environ = {"TINTYPE_IMAGE_STORE_DIR": str(folder / "images")}
    flags = ("--simulate", "--demo", "--catalog-dir", catalog)
    with running_process(folder, *flags, environ=environ) as process:
        yield process


@pytest.mark.timeout(120 + 10 * EXAMPLES)
def test_every_response_conforms_to_the_document(gateway: GatewayProcess) -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{gateway.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {gateway.demo_key}"),
            *("--exclude-checks", NOT_PROMISED),
            *("--max-examples", str(EXAMPLES), "--generation-database", "none", "--no-color"),
        ],
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.gateway.api.openapi.hooks"},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout[-20_000:]
    assert [line for line in gateway.log() if line["level"] == "error"] == []
