"""Schemathesis sends requests that the gateway's document allows, and some that it forbids.

`SCHEMATHESIS_EXAMPLES` sets how many random requests each operation gets, beside those that cover
the document systematically, and `SCHEMATHESIS_SEED` which ones.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tintype_gateway.accounts import MAXIMUM_RATE
from tintype_gateway.api.operations import OPERATIONS
from tintype_testing.cluster.processes import run_tintype
from tintype_testing.gateway import canvas
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.manifests import changed
from tintype_testing.waiting import eventually_blocking

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "20"))

SEED = os.environ.get("SCHEMATHESIS_SEED", "1")
"""Now and then, by the seed, Schemathesis breaks off as it makes a wrong form with a file in it."""

NOT_PROMISED = "positive_data_acceptance"
"""What fits the schema may still not suit the model, and is 400 or 404 then."""

STAYS = "use_after_free"
"""DELETE cancels a job, which then stays for its time."""


ENVIRON = {"SCHEMATHESIS_HOOKS": "tests.gateway.api.openapi.hooks", "PYTHONHASHSEED": "0"}
"""With the order of sets the same seed gives the same requests."""

MODEL_OPERATIONS = {
    "generation": {},
    "edit": {"mask": "Optional", "inputFormats": ["png"]},
    "variation": {"inputFormats": ["png"], "defaultPrompt": "the same again"},
}


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    catalog = folder / "catalog"
    catalog.mkdir()
    model, binding = canvas()
    manifests = [changed(model, "spec.operations", MODEL_OPERATIONS), binding]
    (catalog / "sketch.yaml").write_text(yaml.safe_dump_all(manifests))
    environ = {"TINTYPE_IMAGE_STORE_DIR": str(folder / "images")}
    flags = ("--simulate", "--demo", "--catalog-dir", catalog)
    with running_process(folder, *flags, environ=environ) as process:
        lift_limit(folder)
        yield process


def lift_limit(folder: Path) -> None:
    """Let the demo account call as often as it likes."""
    command = ["accounts", "set", "demo", "--calls-per-minute", str(MAXIMUM_RATE)]
    run_tintype(*command, folder=folder).check_returncode()


@pytest.mark.timeout(900 + 20 * EXAMPLES)
def test_every_response_conforms_to_the_document(gateway: GatewayProcess) -> None:
    completed = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{gateway.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {gateway.demo_key}"),
            *("--exclude-checks", f"{NOT_PROMISED},{STAYS}"),
            *("--max-examples", str(EXAMPLES), "--generation-database", "none", "--no-color"),
        ],
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.gateway.api.openapi.hooks"},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=False,
    )

    assert completed.returncode == 0, completed.stdout[-20_000:]
    assert [line for line in gateway.log() if line["level"] == "error"] == []
    eventually_blocking(lambda: served(gateway) >= SERVED, "a response of every route")


def served(gateway: GatewayProcess) -> set[str]:
    """Return the routes that have succeeded, whose lines are written a moment later."""
    return {line["route"] for line in gateway.log() if line.get("status") in (200, 202, 204)}


SERVED = {
    *(path for operation in OPERATIONS for path in (operation.path, operation.quote_path)),
    *("/v1/models", "/v1/models/{id}", "/v1/credits", "/openapi.json"),
    *("/v1/images/jobs", "/v1/images/jobs/{id}", "/v1/images/jobs/{id}/cancel"),
    "/v1/images/jobs/{id}/events",
}
"""What must have been served at least once."""
