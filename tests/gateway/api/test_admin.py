"""The admin port: metrics, probes and status, for those who run the gateway."""

from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.metrics import metric

PROMISED: dict[str, tuple[str, set[str]]] = {
    "tintype_provider_request_duration_seconds": ("histogram", {"provider", "region", "outcome"}),
    "tintype_provider_requests": ("counter", {"provider", "model", "outcome"}),
    "tintype_credits_used": ("counter", {"provider", "model"}),
    "tintype_images_generated": ("counter", {"provider", "model"}),
    "tintype_unsettled_upstream_calls": ("counter", {"provider", "reason"}),
}
"""The metrics that dashboards rely on, each with its labels."""


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        yield gateway


async def asked(gateway: Gateway, path: str, **headers: str) -> httpx2.Response:
    """Return the response of the admin port."""
    async with gateway.http() as http:
        return await http.get(f"{gateway.admin_url}{path}", headers=headers)


async def metrics_of(gateway: Gateway) -> dict[str, Metric]:
    text = (await asked(gateway, "/metrics")).text
    parse: Callable[[str], Iterable[Metric]] = text_string_to_metric_families
    return {family.name: family for family in parse(text)}


async def test_the_promised_metrics_have_their_types_and_labels(gateway: Gateway) -> None:
    await gateway.script({}, {"damage": "empty_data"})
    for _ in range(2):
        await gateway.generate()

    families = await metrics_of(gateway)

    assert {name: (families[name].type, labels_of(families[name])) for name in PROMISED} == PROMISED


def labels_of(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


async def test_openmetrics_is_sent_to_clients_that_accept_it(gateway: Gateway) -> None:
    response = await asked(gateway, "/metrics", Accept="application/openmetrics-text")

    parse: Callable[[str], Iterable[Metric]] = openmetrics.text_string_to_metric_families
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert "tintype_build_info" in [family.name for family in parse(response.text)]


async def test_a_request_is_counted_with_its_images_and_its_credits(gateway: Gateway) -> None:
    labels = {"provider": "openai", "model": "canvas"}
    names = ("tintype_images_generated_total", "tintype_credits_used_total")
    before = [metric(name, **labels) for name in names]

    await gateway.generate(n=2)

    images, credits_used = (
        metric(name, **labels) - old for name, old in zip(names, before, strict=True)
    )
    assert images == 2
    assert credits_used == pytest.approx(2 * 0.64)


async def test_nothing_that_a_client_sent_becomes_a_label(gateway: Gateway) -> None:
    async with gateway.http() as http:
        await http.request("PLANTED", "/v1/models")
        await http.get("/v1/planted")
        await http.get("/v1/models/planted")
        await http.post("/v1/images/generations", json={"model": "planted", "prompt": "planted"})
    await gateway.generate(
        {"X-Quantized-Provider": "planted", "Idempotency-Key": "planted"}, user="planted"
    )
    await gateway.generate(user="planted", prompt="planted", quality="planted")

    assert "planted" not in (await asked(gateway, "/metrics")).text.lower()


async def test_an_alias_is_counted_as_the_model_that_it_means(tmp_path: Path) -> None:
    model, binding = canvas()
    model["spec"]["aliases"] = ["sketch"]
    async with running_gateway(tmp_path, model, binding) as gateway:
        await gateway.generate(model="openai/sketch")

        models = {
            sample.labels["model"]
            for sample in (await metrics_of(gateway))["tintype_provider_requests"].samples
        }

    assert "canvas" in models
    assert models.isdisjoint({"sketch", "openai/sketch"})


async def test_the_process_is_healthy_and_ready(gateway: Gateway) -> None:
    health, readiness = await asked(gateway, "/healthz"), await asked(gateway, "/readyz")

    assert (health.status_code, readiness.status_code) == (200, 200)
    assert readiness.json()["ready"] is True


async def test_a_gateway_that_drains_is_healthy_but_not_ready(gateway: Gateway) -> None:
    gateway.admin.draining = True

    health, readiness = await asked(gateway, "/healthz"), await asked(gateway, "/readyz")

    assert (health.status_code, readiness.status_code) == (200, 503)
    assert readiness.json() == {"ready": False, "catalog": True, "draining": True}


async def test_the_status_tells_which_catalog_is_served(gateway: Gateway) -> None:
    served = await gateway.generate()

    status: dict[str, Any] = (await asked(gateway, "/status")).json()

    assert status.keys() == {"sequence", "digest", "loadedAt", "lastError", "source"}
    assert (status["sequence"], status["lastError"]) == (1, None)
    assert status["digest"] == served.headers["Tintype-Catalog-Revision"]
    assert status["loadedAt"] > 0


async def test_the_port_of_the_clients_has_none_of_it(gateway: Gateway) -> None:
    async with gateway.http() as http:
        statuses = [
            (await http.get(path)).status_code
            for path in ("/metrics", "/status", "/healthz", "/readyz")
        ]

    assert statuses == [404] * 4
