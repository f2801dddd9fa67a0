from aiohttp.test_utils import TestClient, TestServer

from tintype_kubernetes.client import KubernetesObject
from tintype_operator.liveness import Liveness
from tintype_operator.process.health import application
from tintype_testing.manifests import image_model


def found(version: int) -> KubernetesObject:
    model = image_model()
    model["metadata"]["resourceVersion"] = str(version)
    return model


async def probe(liveness: Liveness, path: str = "/healthz", **limits: float) -> tuple[int, str]:
    app = application(liveness, **limits)
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        return response.status, await response.text()


async def test_a_process_that_just_started_is_alive() -> None:
    assert await probe(Liveness()) == (200, '{"aggregator": "alive", "watches": "alive"}')


async def test_a_task_without_heartbeats_makes_the_probe_fail() -> None:
    liveness = Liveness()
    liveness.beat("publishing")

    status, text = await probe(liveness, heartbeat_limit=0)

    assert status == 500
    assert "no heartbeat for 0 s" in text


def test_the_heartbeat_of_one_task_does_not_hide_the_silence_of_another() -> None:
    liveness = Liveness()
    liveness.beat("statuses")
    since = liveness.seconds_since_heartbeat()
    liveness.beat("publishing")

    assert liveness.seconds_since_heartbeat() >= since > 0


async def test_an_overdue_event_makes_the_probe_fail() -> None:
    liveness = Liveness()
    liveness.expect_event(found(7))

    status, text = await probe(liveness, event_limit=0)

    assert status == 500
    assert "an event is 0 s overdue" in text


def test_a_received_event_is_not_overdue() -> None:
    liveness = Liveness()

    liveness.expect_event(found(7))
    liveness.event_received(found(8))
    liveness.expect_events("ImageModel", [found(8)])
    liveness.expect_event(found(6))

    assert liveness.seconds_overdue() == 0


def test_an_older_event_does_not_satisfy_an_expected_one() -> None:
    liveness = Liveness()

    liveness.expect_events("ImageModel", [found(7)])
    liveness.event_received(found(6))

    assert liveness.seconds_overdue() > 0


def test_no_event_is_expected_for_a_deleted_object() -> None:
    liveness = Liveness()
    liveness.expect_event(found(7))

    liveness.expect_events("ImageModel", [])

    assert liveness.seconds_overdue() == 0


async def test_the_port_serves_metrics() -> None:
    status, text = await probe(Liveness(), "/metrics")

    assert status == 200
    assert "tintype_operator_relist_age_seconds" in text
