"""The Secrets that bindings name become the one that gateways read, and show up nowhere else."""

import base64
import json

import pytest

from tests.support.manifests import Manifest, image_model, per_image, provider_binding
from tests.support.operator import CONFIGMAP, CREDENTIALS, Operator, eventually, secret

CANARY = "sk-canary-5b1e8d"
ENCODED = base64.b64encode(CANARY.encode()).decode()


def gathered(operator: Operator) -> dict[str, str]:
    """The files that gateways find."""
    data = operator.get("secret", CREDENTIALS).get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def wait_for_credentials(operator: Operator, files: dict[str, str]) -> None:
    eventually(lambda: gathered(operator) == files, f"credentials {sorted(files)}")


def canvas(name: str) -> tuple[Manifest, Manifest]:
    """A model and its binding, with the credentials of a Secret."""
    return image_model(), provider_binding(credentials={"secretRef": {"name": name}})


def bedrock() -> Manifest:
    return provider_binding(
        provider="bedrock",
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"secretRef": {"name": "aws"}},
    )


def test_what_bindings_name_is_gathered_and_nothing_else(running: Operator) -> None:
    running.apply(
        secret("ours", **{"api-key": CANARY, "notes": "private"}),
        secret("theirs", **{"api-key": "sk-other"}),
        *canvas("ours"),
    )

    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")


def test_a_rotated_key_is_gathered_anew(running: Operator) -> None:
    running.apply(secret("ours", **{"api-key": "sk-first"}), *canvas("ours"))
    wait_for_credentials(running, {"ours.api-key": "sk-first"})

    running.apply(secret("ours", **{"api-key": "sk-second"}))

    wait_for_credentials(running, {"ours.api-key": "sk-second"})


def test_a_binding_without_its_secret_is_told_what_is_needed_and_not_served(
    running: Operator,
) -> None:
    running.apply(*canvas("ours"))

    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "ResolvedRefs", "False"
    )

    assert condition["reason"] == "SecretNotFound"
    assert "there is no Secret/ours; it must have the key `api-key`" in condition["message"]
    assert running.bindings() == []


def test_a_secret_that_comes_late_is_noticed(running: Operator) -> None:
    running.apply(*canvas("ours"))
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")

    running.apply(secret("ours", **{"api-key": CANARY}))

    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")
    eventually(lambda: running.bindings() == ["canvas-openai"], "the binding")


@pytest.mark.parametrize("data", [{"key": "x"}, {"api-key": ""}, {"aws-access-key-id": "x"}])
def test_a_secret_without_the_key_is_not_enough(running: Operator, data: dict[str, str]) -> None:
    running.apply(secret("aws", **data), image_model(), bedrock())

    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "ResolvedRefs", "False"
    )

    assert condition["reason"] == "SecretKeyMissing"
    keys = "the keys `aws-access-key-id` and `aws-secret-access-key`, or the key `aws-bearer-token`"
    assert f"Secret/aws must have {keys}" in condition["message"]


def test_a_withdrawn_secret_withdraws_its_keys_and_the_binding_stays_known(
    running: Operator,
) -> None:
    running.apply(secret("ours", **{"api-key": CANARY}), *canvas("ours"))
    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")

    running.delete("secret", "ours")

    wait_for_credentials(running, {})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")
    assert running.bindings() == ["canvas-openai"]


def test_credentials_can_come_from_elsewhere(operator: Operator) -> None:
    operator.start(TINTYPE_MANAGE_CREDENTIALS="false")
    operator.apply(*canvas("absent"))

    operator.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")

    assert operator.get("secret", CREDENTIALS) == {}


def test_no_credential_is_seen_outside_of_secrets(operator: Operator) -> None:
    operator.start(TINTYPE_LOG_LEVEL="debug")
    operator.apply(secret("ours", **{"api-key": CANARY, "notes": CANARY}), *canvas("ours"))
    wait_for_credentials(operator, {"ours.api-key": CANARY})
    operator.apply(
        provider_binding(pricing=per_image("0"), credentials={"secretRef": {"name": "x"}})
    )
    operator.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")

    listed = operator.cluster.kubectl(
        *("get", "imagemodels,providerbindings,configmaps,events", "-o", "json"),
        *("--namespace", operator.namespace),
    )
    catalog = operator.catalog()
    assert catalog is not None
    seen = [listed, catalog.to_json().decode(), operator.process.output()]

    assert json.loads(listed)["items"]
    assert CONFIGMAP in listed
    for text in seen:
        assert CANARY not in text
        assert ENCODED not in text
