import pytest
from aiohttp.test_utils import TestClient, TestServer

from tintype_kubernetes.client import KubernetesObject
from tintype_operator.liveness import Liveness
from tintype_operator.process import health
from tintype_operator.process.health import application
from tintype_testing.manifests import image_model


def found(version: int) -> KubernetesObject:
    model = image_model()
    model["metadata"]["resourceVersion"] = str(version)
    return model


async def probe(liveness: Liveness, path: str = "/healthz") -> tuple[int, str]:
    app = application(liveness)
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return answer.status, await answer.text()


async def test_what_has_not_begun_is_healthy() -> None:
    assert await probe(Liveness()) == (200, '{"aggregator": "alive", "watches": "alive"}')


async def test_a_silent_aggregator_makes_the_probe_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0)
    liveness = Liveness()
    liveness.beat("publishing")

    status, text = await probe(liveness)

    assert status == 500
    assert "silent for 0 s" in text


def test_a_task_that_lives_does_not_hide_one_that_is_silent() -> None:
    liveness = Liveness()
    liveness.beat("statuses")
    since = liveness.silent_seconds()
    liveness.beat("publishing")

    assert liveness.silent_seconds() >= since > 0


async def test_an_event_that_never_comes_makes_the_probe_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "DEAFNESS_SECONDS", 0)
    liveness = Liveness()
    liveness.wrote(found(7))

    status, text = await probe(liveness)

    assert status == 500
    assert "an event is 0 s late" in text


def test_an_event_that_came_is_not_awaited() -> None:
    liveness = Liveness()

    liveness.wrote(found(7))
    liveness.heard(found(8))
    liveness.listed("ImageModel", [found(8)])
    liveness.wrote(found(6))

    assert liveness.deaf_seconds() == 0


def test_an_older_event_is_not_enough() -> None:
    liveness = Liveness()

    liveness.listed("ImageModel", [found(7)])
    liveness.heard(found(6))

    assert liveness.deaf_seconds() > 0


def test_no_event_is_awaited_of_what_is_gone() -> None:
    liveness = Liveness()
    liveness.wrote(found(7))

    liveness.listed("ImageModel", [])

    assert liveness.deaf_seconds() == 0


async def test_the_metrics_are_on_the_same_port() -> None:
    status, text = await probe(Liveness(), "/metrics")

    assert status == 200
    assert "tintype_operator_relist_age_seconds" in text
