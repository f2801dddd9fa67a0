import time
from collections.abc import Callable

from aiohttp.test_utils import TestClient, TestServer

from tintype_kubernetes.client import KubernetesObject
from tintype_operator.liveness import Liveness
from tintype_operator.process.health import application
from tintype_testing.manifests import Manifest, image_model, provider_binding


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(clock: Callable[[], float] = time.monotonic) -> Liveness:
    """That of a process whose watches are open."""
    liveness = Liveness(clock)
    liveness.watches_open()
    return liveness


def found(version: int, manifest: Manifest | None = None) -> KubernetesObject:
    model = manifest or image_model()
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
    liveness = watched()
    liveness.expect_event(found(7))

    status, text = await probe(liveness, event_limit=0)

    assert status == 500
    assert "an event is 0 s overdue" in text


def test_a_received_event_is_not_overdue() -> None:
    liveness = watched()

    liveness.expect_event(found(7))
    liveness.event_received(found(8))
    liveness.expect_events("ImageModel", [found(8)])
    liveness.expect_event(found(6))

    assert liveness.seconds_overdue() == 0


def test_an_older_event_does_not_satisfy_an_expected_one() -> None:
    liveness = watched()

    liveness.expect_events("ImageModel", [found(7)])
    liveness.event_received(found(6))

    assert liveness.seconds_overdue() > 0


def test_an_event_restarts_the_timer_of_what_is_still_due_of_its_kind() -> None:
    clock = Clock()
    liveness = watched(clock)
    liveness.expect_events("ImageModel", [found(7)])

    clock.now = 50
    liveness.event_received(found(6))
    clock.now = 70

    assert liveness.seconds_overdue() == 20


def test_an_event_of_one_kind_says_nothing_of_the_watch_for_another() -> None:
    clock = Clock()
    liveness = watched(clock)
    liveness.expect_events("ImageModel", [found(7)])

    clock.now = 70
    liveness.event_received(found(6, provider_binding()))

    assert liveness.seconds_overdue() == 70


def test_no_event_is_due_before_the_watches_are_open() -> None:
    clock = Clock()
    liveness = Liveness(clock)
    liveness.expect_events("ImageModel", [found(7)])

    clock.now = 70
    before = liveness.seconds_overdue()
    liveness.watches_open()
    clock.now = 80

    assert (before, liveness.seconds_overdue()) == (0, 10)


def test_no_event_is_expected_for_a_deleted_object() -> None:
    liveness = watched()
    liveness.expect_event(found(7))

    liveness.expect_events("ImageModel", [])

    assert liveness.seconds_overdue() == 0


def test_no_event_is_expected_for_an_object_that_a_later_list_lacks() -> None:
    liveness = watched()
    liveness.expect_events("ImageModel", [found(7), found(8)])

    liveness.expect_events("ImageModel", [found(7)])
    liveness.event_received(found(7))

    assert liveness.seconds_overdue() == 0


async def test_the_port_serves_metrics() -> None:
    status, text = await probe(Liveness(), "/metrics")

    assert status == 200
    assert "tintype_operator_relist_age_seconds" in text
