"""Gateways read credentials from a mount, and use rotated ones without a restart."""

import pytest

from tests.node.configuration import SYNC_FREQUENCY
from tests.node.figures import Figures
from tests.node.release import SIMULATOR, Release, simulated
from tintype_testing.manifests import image_model
from tintype_testing.operator import secret

GATEWAY = "system:serviceaccount:images:tintype-gateway"

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


@pytest.mark.parametrize("verb", VERBS)
def test_a_gateway_may_do_nothing_with_secrets(quick_start: Release, verb: str) -> None:
    question = ("auth", "can-i", verb, "secrets", f"--as={GATEWAY}", "-n", quick_start.namespace)

    assert quick_start.cluster.try_kubectl(*question).stdout.strip() == "no"


def test_a_rotated_credential_is_used_without_a_restart(
    quick_start: Release, figures: Figures
) -> None:
    before = quick_start.uids("gateway")
    binding = simulated("mural", credentials={"secretRef": {"name": "rotated"}})
    invalid = secret("rotated", SIMULATOR, **{"api-key": "invalid-key"})
    quick_start.apply(invalid, image_model("mural"), binding)
    quick_start.wait_for(503, "mural")

    with figures.timed(f"Secret edited to its use, kubelet.syncFrequency={SYNC_FREQUENCY}"):
        quick_start.apply(secret("rotated", SIMULATOR, **{"api-key": "sk-valid"}))
        quick_start.wait_for(200, "mural")

    assert quick_start.uids("gateway") == before


def test_a_watched_credential_is_used_within_seconds(production: Release, figures: Figures) -> None:
    before = production.uids("gateway")
    binding = simulated("mural", credentials={"secretRef": {"name": "rotated"}})
    invalid = secret("rotated", SIMULATOR, **{"api-key": "invalid-key"})
    production.apply(invalid, image_model("mural"), binding)
    production.wait_for(503, "mural")

    with figures.timed("Secret edited to its use, gateway.watchCredentials=true"):
        production.apply(secret("rotated", SIMULATOR, **{"api-key": "sk-valid"}))
        production.wait_for(200, "mural")

    assert production.uids("gateway") == before
