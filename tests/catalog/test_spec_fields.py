from typing import Any

import pytest

from tests.catalog.samples import BINDING, MODEL, TOKENS, fault
from tintype_catalog.resources import ProviderBinding, parse_resource
from tintype_testing.manifests import (
    Manifest,
    by_size,
    changed,
    per_image,
    price,
    provider_binding,
    tokens,
    without,
)

VERTEX = provider_binding(
    provider="vertex",
    dialect="vertex-predict",
    vertexAi={"project": "studio", "quotaProject": "billing"},
)
PROBED = provider_binding(endpoint="http://127.0.0.1", healthProbe={"path": "/health"})


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (MODEL, "spec.oops"),
        (MODEL, "spec.display_name"),
        (MODEL, "spec.status"),
        (MODEL, "spec.limits.maxImages"),
        (MODEL, "spec.size.sized"),
        (MODEL, "spec.parameters.quantity"),
        (MODEL, "spec.parameters.quality.accept"),
        (MODEL, "spec.parameters.outputFormat"),
        (BINDING, "spec.model"),
        (BINDING, "spec.credentials.apiKey"),
        (BINDING, "spec.pricing.prices[0].maxpixels"),
        (BINDING, "spec.pricing.prices[1].max_pixels"),
        (TOKENS, "spec.pricing.outputTokens.table[0].pixels"),
    ],
)
def test_an_unknown_field_is_refused_by_its_path(manifest: Manifest, field: str) -> None:
    problem = fault(changed(manifest, field, "x"))

    assert (problem.field, problem.message) == (field, "unknown field")


@pytest.mark.parametrize(
    ("manifest", "field", "value"),
    [
        (MODEL, "spec.id", 5),
        (MODEL, "spec.aliases", "sketch"),
        (MODEL, "spec.aliases[0]", 5),
        (MODEL, "spec.outputModality.image", "yes"),
        (MODEL, "spec.outputModality.image", 1),
        (MODEL, "spec.limits.maxImagesPerCall", "3"),
        (MODEL, "spec.limits.maxImagesPerCall", True),
        (MODEL, "spec.limits.maxImagesPerCall", 1.5),
        (MODEL, "spec.lifecycle.retiresOn", 20260512),
        (MODEL, "spec.lifecycle.retiresOn", "2026-02-30"),
        (MODEL, "spec.lifecycle.retiresOn", "next May"),
        (MODEL, "spec.size", None),
        (MODEL, "spec.parameters", []),
        (BINDING, "spec.active", "true"),
        (BINDING, "spec.pricing.prices[0].usd", 0.04),
        (BINDING, "spec.pricing.prices[1].usd", 1),
        (BINDING, "spec.credentials.secretRef", "openai"),
    ],
)
def test_a_value_of_another_type_is_refused(manifest: Manifest, field: str, value: Any) -> None:
    assert fault(changed(manifest, field, value)).field == field


@pytest.mark.parametrize(
    ("manifest", "field", "value"),
    [
        (MODEL, "spec.id", ""),
        (MODEL, "spec.id", "a b"),
        (MODEL, "spec.id", "-dash"),
        (MODEL, "spec.id", "a" * 129),
        (MODEL, "spec.displayName", "a" * 129),
        (MODEL, "spec.ownedBy", "two words"),
        (MODEL, "spec.watermark", "stamp"),
        (MODEL, "spec.aliases", [f"alias-{number}" for number in range(17)]),
        (MODEL, "spec.supportedFeatures", ["word"] * 17),
        (MODEL, "spec.limits.maxImagesPerCall", 0),
        (MODEL, "spec.limits.maxImagesPerCall", 11),
        (MODEL, "spec.limits.maxImagesPerRequest", 11),
        (MODEL, "spec.limits.maxPromptCharacters", 0),
        (MODEL, "spec.limits.maxPromptCharacters", 1_000_001),
        (MODEL, "spec.size.mode", "Any"),
        (MODEL, "spec.size.sizes", ["64x64"] * 65),
        (MODEL, "spec.size.sizes[1]", "1024"),
        (MODEL, "spec.size.sizes[1]", "1024X1024"),
        (MODEL, "spec.size.sizes[1]", "0x1024"),
        (MODEL, "spec.size.sizes[1]", "100000x1024"),
        (MODEL, "spec.size.multipleOf", 0),
        (MODEL, "spec.size.maxAspectRatio", "3"),
        (MODEL, "spec.size.maxAspectRatio", "1000:1"),
        (MODEL, "spec.parameters.quality.handling", "Ignore"),
        (BINDING, "metadata.name", ""),
        (BINDING, "metadata.name", "Upper"),
        (BINDING, "metadata.name", "a" * 254),
        (BINDING, "spec.provider", ""),
        (BINDING, "spec.provider", "Azure"),
        (BINDING, "spec.provider", "gpu_pool"),
        (BINDING, "spec.provider", "gpu.pool"),
        (BINDING, "spec.provider", "-gpu"),
        (BINDING, "spec.provider", "gpu-"),
        (BINDING, "spec.provider", "a/b"),
        (BINDING, "spec.provider", "a" * 41),
        (BINDING, "spec.dialect", "openai-chat"),
        (BINDING, "spec.upstreamModel", ""),
        (BINDING, "spec.upstreamModel", "a b"),
        (BINDING, "spec.priority", -1),
        (BINDING, "spec.priority", 1001),
        (BINDING, "spec.weight", -1),
        (BINDING, "spec.weight", 1001),
        (BINDING, "spec.regions", ["us-east-1"] * 33),
        (BINDING, "spec.endpoint", "ftp://example.com"),
        (BINDING, "spec.endpoint", "https://exa mple.com"),
        (BINDING, "spec.endpoint", "https://user@example.com"),
        (BINDING, "spec.endpoint", "https://user:secret@example.com/v1"),
        (BINDING, "spec.endpoint", "https://:@example.com"),
        (BINDING, "spec.endpoint", "https://example.com?key=1"),
        (BINDING, "spec.endpoint", "https://example.com/#part"),
        (BINDING, "spec.endpoint", "https://example.com\\@localhost"),
        (BINDING, "spec.endpoint", "https:///v1"),
        (BINDING, "spec.endpoint", "https://example.com:0"),
        (BINDING, "spec.endpoint", "https://example.com:65536"),
        (BINDING, "spec.endpoint", "https://[::1"),
        (BINDING, "spec.endpoint", "https://[1:2]/"),
        (BINDING, "spec.timeoutSeconds", 0),
        (BINDING, "spec.timeoutSeconds", 3601),
        (BINDING, "spec.connectTimeoutSeconds", 0),
        (BINDING, "spec.connectTimeoutSeconds", 61),
        (BINDING, "spec.firstByteTimeoutSeconds", 0),
        (BINDING, "spec.firstByteTimeoutSeconds", 3601),
        (BINDING, "spec.maxConcurrentCalls", 0),
        (BINDING, "spec.maxConcurrentCalls", 100_001),
        (BINDING, "spec.queueLimit", -1),
        (BINDING, "spec.queueLimit", 1001),
        (BINDING, "spec.queueTimeoutSeconds", 0),
        (VERTEX, "spec.vertexAi.project", ""),
        (VERTEX, "spec.vertexAi.project", "../other"),
        (VERTEX, "spec.vertexAi.project", "a/locations/b"),
        (VERTEX, "spec.vertexAi.project", "a" * 64),
        (VERTEX, "spec.vertexAi.quotaProject", "a\nb"),
        (PROBED, "spec.healthProbe.path", "health"),
        (PROBED, "spec.healthProbe.intervalSeconds", 0),
        (PROBED, "spec.healthProbe.intervalSeconds", 3601),
        (PROBED, "spec.healthProbe.timeoutSeconds", 0),
        (PROBED, "spec.healthProbe.timeoutSeconds", 61),
        (BINDING, "spec.queueTimeoutSeconds", 3601),
        (BINDING, "spec.modelRef.name", "a/b"),
        (BINDING, "spec.pricing.currency", "EUR"),
        (BINDING, "spec.pricing.type", "per_pixel"),
        (BINDING, "spec.pricing.prices", [price("1")] * 65),
        (BINDING, "spec.pricing.prices[0].maxPixels", 0),
        (BINDING, "spec.pricing.prices[0].maxPixels", 2**32 + 1),
        (TOKENS, "spec.pricing.outputTokens.table[0].tokens", -1),
        (TOKENS, "spec.pricing.outputTokens.table[0].tokens", 10_000_001),
        (TOKENS, "spec.pricing.maxOtherOutputTokens", -1),
    ],
)
def test_a_value_out_of_bounds_is_refused(manifest: Manifest, field: str, value: Any) -> None:
    assert fault(changed(manifest, field, value)).field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec.size.ratios", {"1x1": "64x64"}),
        ("spec.parameters.quality.values", {"two words": "low"}),
        ("spec.providerParameters", {"a-b": []}),
        ("spec.equivalents", {"a-b": "seed"}),
        ("spec.defaults", {"a-b": 1}),
    ],
)
def test_a_key_out_of_bounds_is_refused_by_its_path(field: str, value: Manifest) -> None:
    assert fault(changed(MODEL, field, value)).field == f"{field}.{next(iter(value))}"


@pytest.mark.parametrize(
    "usd",
    ["", "1e3", "-1", "+1", "0.0000000001", "1000000", ".5", "5.", "0,04", "$1", " 1", "1\n",
     "NaN", "Infinity", "0x1", "1_0"],
)  # fmt: skip
def test_a_price_is_a_plain_decimal_or_refused(usd: str) -> None:
    problem = fault(changed(BINDING, "spec.pricing.prices[0].usd", usd))

    assert problem.field == "spec.pricing.prices[0].usd"


@pytest.mark.parametrize("usd", ["0", "0.040", "12", "999999.999999999"])
def test_a_plain_decimal_is_a_price(usd: str) -> None:
    assert isinstance(parse_resource(provider_binding(pricing=per_image(usd))), ProviderBinding)


@pytest.mark.parametrize("field", ["spec.id", "spec.ownedBy", "metadata.name"])
def test_a_model_needs_its_fields(field: str) -> None:
    problem = fault(without(MODEL, field))

    assert (problem.field, problem.message) == (field, "Field required")


@pytest.mark.parametrize(
    "field", ["modelRef", "provider", "dialect", "upstreamModel", "credentials", "pricing"]
)
def test_a_binding_needs_its_fields(field: str) -> None:
    assert fault(without(BINDING, f"spec.{field}")).field == f"spec.{field}"


@pytest.mark.parametrize(
    ("manifest", "field", "value", "message"),
    [
        (MODEL, "spec.size", {"mode": "List"}, "`sizes` goes with mode List"),
        (MODEL, "spec.size", {"sizes": ["64x64"]}, "`sizes` goes with mode List"),
        (MODEL, "spec.size", {"mode": "AspectRatio"}, "`ratios` goes with mode AspectRatio"),
        (MODEL, "spec.size", {"mode": "Pixels"}, "`maxEdge` and `maxPixels` go with mode Pixels"),
        (MODEL, "spec.size", {"mode": "Pixels", "maxEdge": 9}, "`maxEdge` and `maxPixels` go"),
        (MODEL, "spec.size", {"maxEdge": 9, "maxPixels": 9}, "`maxEdge` and `maxPixels` go"),
        (MODEL, "spec.parameters.quality", {"handling": "Map"}, "`values` goes with handling Map"),
        (MODEL, "spec.parameters.quality", {"handling": "Strip", "values": {"a": "b"}}, "`values`"),
        (MODEL, "spec.parameters.quality", {"handling": "Clamp"}, "`minimum` and `maximum` go"),
        (MODEL, "spec.parameters.quality", {"handling": "Clamp", "minimum": 1}, "`minimum` and"),
        (MODEL, "spec.parameters.quality", {"handling": "Accept", "maximum": 1}, "`minimum` and"),
        (BINDING, "spec.pricing", {"type": "per_image"}, "`usd` goes with type per_image"),
        (BINDING, "spec.pricing", {"type": "per_image_by_size"}, "`prices` goes with the types"),
        (
            BINDING,
            "spec.pricing",
            {"type": "per_token"},
            "`perMillionTokens` and",
        ),
        (BINDING, "spec.pricing", per_image("1") | {"prices": [price("1")]}, "`prices` goes with"),
        (BINDING, "spec.pricing", by_size(price("1")) | {"usd": "1"}, "`usd` goes with type"),
        (BINDING, "spec.credentials", {}, "exactly one of `secretRef`, `workloadIdentity"),
        (BINDING, "spec.credentials", {"workloadIdentity": False}, "exactly one of"),
        (
            BINDING,
            "spec.credentials",
            {"workloadIdentity": True, "secretRef": {"name": "s"}},
            "exactly one of",
        ),
        (TOKENS, "spec.pricing.outputTokens", {}, "exactly one of `table` and `factors`"),
        (TOKENS, "spec.pricing.inputImageTokens", {}, "exactly one of `formula` and `fixed`"),
        (
            TOKENS,
            "spec.pricing.inputImageTokens",
            {"formula": "Patches32", "fixed": 560},
            "exactly one of `formula` and `fixed`",
        ),
        (
            BINDING,
            "spec.pricing",
            per_image("1") | {"inputImageTokens": {"fixed": 560}},
            "`inputImageTokens` goes with type per_token",
        ),
        (
            TOKENS,
            "spec.pricing.perMillionTokens",
            {"textInput": "5", "cachedTextInput": "5.01", "imageOutput": "30"},
            "`cachedTextInput` must be at most `textInput`: 5.01 is more than 5",
        ),
        (
            TOKENS,
            "spec.pricing.perMillionTokens",
            {"cachedImageInput": "1", "imageOutput": "30"},
            "`cachedImageInput` must be at most `imageInput`: 1 is more than 0",
        ),
        (
            TOKENS,
            "spec.pricing.outputTokens.table[0]",
            tokens(1, size="64x64", maxPixels=9),
            "either `size` or `maxPixels`, not both",
        ),
    ],
)
def test_fields_that_do_not_go_together_are_refused_with_a_reason(
    manifest: Manifest, field: str, value: Any, message: str
) -> None:
    problem = fault(changed(manifest, field, value))

    assert problem.field == field
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    "manifest",
    [without(VERTEX, "spec.vertexAi"), changed(BINDING, "spec.vertexAi", {"project": "studio"})],
)
def test_only_vertex_ai_has_projects_and_needs_one(manifest: Manifest) -> None:
    assert "`vertexAi` goes with the dialects vertex-*" in fault(manifest).message


@pytest.mark.parametrize("label", ["openai", "vllm-gpu-pool", "x", "0", "a" * 40])
def test_a_provider_is_any_dns_label(label: str) -> None:
    assert isinstance(parse_resource(changed(BINDING, "spec.provider", label)), ProviderBinding)


def test_a_health_probe_needs_an_endpoint() -> None:
    problem = fault(without(PROBED, "spec.endpoint"))
    assert "`healthProbe` needs an `endpoint` or a `serviceRef`" in problem.message


def test_a_dialect_without_a_workload_identity_takes_none() -> None:
    problem = fault(changed(BINDING, "spec.credentials", {"workloadIdentity": True}))
    assert "`workloadIdentity` goes with the dialects" in problem.message
