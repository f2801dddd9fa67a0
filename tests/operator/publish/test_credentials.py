"""The Secrets that bindings name are copied into the one that gateways read, and nowhere else."""

import base64
import json

import pytest

from tintype_catalog.credentials import OPT_IN_LABEL
from tintype_testing.manifests import Manifest, image_model, per_image, provider_binding
from tintype_testing.operator import CONFIGMAP, CREDENTIALS, Operator, not_offered, secret
from tintype_testing.waiting import eventually_blocking

CANARY = "sk-canary-5b1e8d"
ENCODED = base64.b64encode(CANARY.encode()).decode()


def gathered(operator: Operator) -> dict[str, str]:
    """The files in the Secret that gateways mount."""
    data = operator.get("secret", CREDENTIALS).get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def wait_for_credentials(operator: Operator, files: dict[str, str]) -> None:
    eventually_blocking(lambda: gathered(operator) == files, f"credentials {sorted(files)}")


def canvas(name: str) -> tuple[Manifest, Manifest]:
    """A model and its binding, with the credentials of a Secret."""
    return image_model(), provider_binding(credentials={"secretRef": {"name": name}})


NAMED: Manifest = {"credentials": {"secretRef": {"name": "ours"}}}


def at(endpoint: str) -> Manifest:
    """A binding that sends the Secret `ours` to an endpoint."""
    return provider_binding(endpoint=endpoint, **NAMED)


def endpoints(operator: Operator) -> list[str | None]:
    catalog = operator.catalog()
    return [] if catalog is None else [binding.endpoint for binding in catalog.bindings]


def bedrock() -> Manifest:
    return provider_binding(
        provider="bedrock",
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"secretRef": {"name": "aws"}},
    )


def test_only_secrets_that_bindings_name_are_copied(running: Operator) -> None:
    running.apply(
        secret("ours", **{"api-key": CANARY, "notes": "private"}),
        secret("theirs", **{"api-key": "sk-other"}),
        *canvas("ours"),
    )

    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")


def test_the_key_file_of_a_service_account_is_copied(running: Operator) -> None:
    file = '{\n  "type": "service_account"\n}\n'
    vertex: Manifest = {"dialect": "vertex-predict", "vertexAi": {"project": "studio"}}
    running.apply(
        secret("google", **{"service-account.json": file}),
        image_model(),
        provider_binding(credentials={"secretRef": {"name": "google"}}, **vertex),
    )

    wait_for_credentials(running, {"google.service-account.json": file})


def test_a_rotated_key_is_copied_again(running: Operator) -> None:
    running.apply(secret("ours", **{"api-key": "sk-first"}), *canvas("ours"))
    wait_for_credentials(running, {"ours.api-key": "sk-first"})

    running.apply(secret("ours", **{"api-key": "sk-second"}))

    wait_for_credentials(running, {"ours.api-key": "sk-second"})


def test_the_status_of_a_binding_without_its_secret_names_the_missing_keys(
    running: Operator,
) -> None:
    running.apply(*canvas("ours"))

    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "ResolvedRefs", "False"
    )

    assert condition["reason"] == "SecretNotFound"
    assert "there is no Secret/ours with the label" in condition["message"]
    assert "it must have the key `api-key`" in condition["message"]
    assert running.bindings() == []

    running.apply(not_offered(secret("ours", **{"api-key": CANARY})))
    running.apply(not_offered(secret("ours", **{"api-key": CANARY, "other": "x"})))
    running.apply(image_model("later"))
    running.wait_for_models("canvas", "later")

    # The message is the same for a Secret that is not offered, so it reveals no Secret of others.
    assert running.condition("providerbinding", "canvas-openai", "ResolvedRefs") == condition
    assert gathered(running) == {}


def test_a_secret_that_is_created_later_is_copied(running: Operator) -> None:
    running.apply(*canvas("ours"))
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")

    running.apply(secret("ours", **{"api-key": CANARY}))

    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")
    eventually_blocking(lambda: running.bindings() == ["canvas-openai"], "the binding")


@pytest.mark.parametrize("data", [{"key": "x"}, {"api-key": ""}, {"aws-access-key-id": "x"}])
def test_a_secret_without_the_key_does_not_resolve_the_reference(
    running: Operator, data: dict[str, str]
) -> None:
    running.apply(secret("aws", **data), image_model(), bedrock())

    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "ResolvedRefs", "False"
    )

    assert condition["reason"] == "SecretKeyMissing"
    keys = "the keys `aws-access-key-id` and `aws-secret-access-key`, or the key `aws-bearer-token`"
    assert f"Secret/aws must have {keys}" in condition["message"]


def test_deleting_a_secret_removes_its_keys_and_keeps_the_binding(
    running: Operator,
) -> None:
    running.apply(secret("ours", **{"api-key": CANARY}), *canvas("ours"))
    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")

    running.delete("secret", "ours")

    wait_for_credentials(running, {})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")
    assert running.bindings() == ["canvas-openai"]


def test_a_secret_is_copied_while_it_has_the_opt_in_label(
    running: Operator,
) -> None:
    running.apply(not_offered(secret("ours", **{"api-key": CANARY})), *canvas("ours"))
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "False")

    running.apply(secret("ours", **{"api-key": CANARY}))
    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")

    running.cluster.kubectl(
        *("label", "secret", "ours", "--namespace", running.namespace, f"{OPT_IN_LABEL}-")
    )
    wait_for_credentials(running, {})


def test_an_endpoint_with_a_host_that_is_not_allowed_is_refused_and_the_last_one_stays(
    running: Operator,
) -> None:
    running.apply(secret("ours", "proxy.example.com", **{"api-key": CANARY}), *canvas("ours"))
    wait_for_credentials(running, {"ours.api-key": CANARY})
    running.apply(at("https://proxy.example.com"))
    running.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")
    eventually_blocking(lambda: endpoints(running) == ["https://proxy.example.com"], "the proxy")

    running.apply(at("https://evil.example.com"))
    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "ResolvedRefs", "False"
    )

    assert condition["reason"] == "EndpointNotAllowed"
    assert "must list evil.example.com in the annotation" in condition["message"]
    assert endpoints(running) == ["https://proxy.example.com"]


def test_a_host_that_is_no_longer_allowed_leaves_the_catalog_before_a_new_key_is_copied(
    running: Operator,
) -> None:
    running.apply(secret("ours", "proxy.example.com", **{"api-key": "sk-old"}), image_model())
    running.apply(at("https://proxy.example.com"), provider_binding("own", **NAMED))
    wait_for_credentials(running, {"ours.api-key": "sk-old"})
    eventually_blocking(lambda: running.bindings() == ["canvas-openai", "own"], "both bindings")
    with_proxy = running.get("configmap", CONFIGMAP)["metadata"]["resourceVersion"]

    running.apply(secret("ours", **{"api-key": "sk-new"}))
    wait_for_credentials(running, {"ours.api-key": "sk-new"})

    assert running.bindings() == ["own"]
    catalog = running.get("configmap", CONFIGMAP)["metadata"]["resourceVersion"]
    credentials = running.get("secret", CREDENTIALS)["metadata"]["resourceVersion"]
    assert int(with_proxy) < int(catalog) < int(credentials)


def test_without_the_opt_in_requirement_every_secret_is_copied_for_any_host(
    operator: Operator,
) -> None:
    operator.start(TINTYPE_REQUIRE_CREDENTIALS_OPT_IN="false")
    operator.apply(not_offered(secret("ours", **{"api-key": CANARY})), image_model())
    operator.apply(at("https://proxy.example.com"))

    wait_for_credentials(operator, {"ours.api-key": CANARY})
    operator.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")
    assert "label Secrets with tintype.dev/provider-credentials=true" in operator.process.output()


def test_without_credentials_management_no_secret_is_written(operator: Operator) -> None:
    operator.start(TINTYPE_MANAGE_CREDENTIALS="false")
    operator.apply(*canvas("absent"))

    operator.wait_for_condition("providerbinding", "canvas-openai", "ResolvedRefs", "True")

    assert operator.get("secret", CREDENTIALS) == {}


def test_credentials_appear_only_in_secrets(operator: Operator) -> None:
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
