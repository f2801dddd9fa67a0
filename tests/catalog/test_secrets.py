"""A binding needs its Secret to come in, and its last good revision to stay."""

import pytest

from tintype_catalog.compiler import compile_manifests
from tintype_catalog.credentials import Offer
from tintype_testing.manifests import compiled, image_model, per_image, provider_binding

AWS = ["aws-access-key-id", "aws-secret-access-key"]
LONG = "x" * 221


def bedrock() -> dict[str, object]:
    return provider_binding(
        provider="bedrock",
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"secretRef": {"name": "aws"}},
    )


def test_a_secret_with_its_key_lets_a_binding_in() -> None:
    catalog, problems = compile_manifests(
        [image_model(), provider_binding()], secrets={"openai": Offer(["api-key"])}
    )

    assert not problems
    assert [binding.name for binding in catalog.bindings] == ["canvas-openai"]


@pytest.mark.parametrize("keys", [AWS, [*AWS, "aws-session-token"], ["aws-bearer-token"]])
def test_bedrock_takes_a_pair_of_keys_or_a_bearer_token(keys: list[str]) -> None:
    assert not compile_manifests([image_model(), bedrock()], secrets={"aws": Offer(keys)}).problems


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [({}, "SecretNotFound"), ({"openai": Offer(["key"])}, "SecretKeyMissing")],
)
def test_without_it_a_binding_stays_out(secrets: dict[str, Offer], reason: str) -> None:
    catalog, (problem,) = compile_manifests([image_model(), provider_binding()], secrets=secrets)

    assert catalog.bindings == ()
    assert (problem.reason, problem.condition) == (reason, "ResolvedRefs")
    assert "Secret/openai" in problem.message
    assert "`api-key`" in problem.message


def test_the_last_good_revision_stays_and_the_new_one_does_not_come_in() -> None:
    before = compiled(image_model(), provider_binding(pricing=per_image("0.01")))
    now = [image_model(), provider_binding(pricing=per_image("0.02"))]

    catalog = compile_manifests(now, before, secrets={}).catalog

    assert [binding.pricing.usd for binding in catalog.bindings] == ["0.01"]


def test_where_secrets_are_unknown_none_is_missed() -> None:
    assert not compile_manifests([image_model(), provider_binding()]).problems


def test_workload_identity_needs_no_secret() -> None:
    binding = provider_binding(credentials={"workloadIdentity": True})

    assert not compile_manifests([image_model(), binding], secrets={}).problems


def test_a_name_too_long_for_a_key_is_refused() -> None:
    binding = provider_binding(credentials={"secretRef": {"name": LONG}})

    (problem,) = compile_manifests(
        [image_model(), binding], secrets={LONG: Offer(["api-key"])}
    ).problems

    assert "longer than 220 characters" in problem.message
