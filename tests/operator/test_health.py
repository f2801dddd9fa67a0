from aiohttp.test_utils import TestClient, TestServer

from tintype_operator.health import SILENCE_SECONDS, application


async def probe(silent_seconds: float, path: str = "/healthz") -> tuple[int, str]:
    app = application(lambda: silent_seconds)
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return answer.status, await answer.text()


async def test_a_living_aggregator_is_healthy() -> None:
    assert await probe(SILENCE_SECONDS) == (200, '{"aggregator": "alive"}')


async def test_a_silent_aggregator_makes_the_probe_fail() -> None:
    status, text = await probe(SILENCE_SECONDS + 1)

    assert status == 500
    assert "silent for 91 s" in text


async def test_the_metrics_are_on_the_same_port() -> None:
    status, text = await probe(0, "/metrics")

    assert status == 200
    assert "tintype_operator_relist_age_seconds" in text
