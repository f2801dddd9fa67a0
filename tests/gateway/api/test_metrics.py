"""What requests leave in the metrics, beside what the dashboards rely on."""

import asyncio
from pathlib import Path

from tests.gateway.api.test_provider_faults import LATER
from tintype_gateway.runtime.loop_lag import observe_lag
from tintype_testing.gateway import canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

SUCCESS = {"provider": "openai", "region": "global", "outcome": "success"}
CANVAS = {"provider": "openai", "model": "canvas"}


async def test_a_hold_is_outstanding_while_the_provider_works(tmp_path: Path) -> None:
    before = metric("tintype_holds_outstanding")
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"delay_seconds": 3})
        asking = asyncio.create_task(gateway.generate())

        await eventually(lambda: metric("tintype_holds_outstanding") == before + 1)

        await asking
        assert metric("tintype_holds_outstanding") == before


async def test_overhead_is_the_time_of_a_request_without_its_call(tmp_path: Path) -> None:
    def seen(suffix: str) -> float:
        return metric(f"tintype_gateway_overhead_seconds_{suffix}")

    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"delay_seconds": 1})
        count, seconds = seen("count"), seen("sum")

        await gateway.generate()
        await eventually(lambda: seen("count") == count + 1)

        assert seen("sum") > seconds
        total = metric("tintype_provider_request_duration_seconds_sum", **SUCCESS)
        assert total >= 1


async def test_a_request_without_a_call_has_no_overhead_to_tell(tmp_path: Path) -> None:
    before = metric("tintype_gateway_overhead_seconds_count")
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.generate(n=99)

    assert metric("tintype_gateway_overhead_seconds_count") == before


async def test_images_of_a_refused_prompt_count_as_refused(tmp_path: Path) -> None:
    before = metric("tintype_images_refused_total", **CANVAS)
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"error": "openai/moderation_blocked"})
        response = await gateway.generate()

    assert response.status_code == 400
    assert metric("tintype_images_refused_total", **CANVAS) == before + 1


async def test_images_that_were_withheld_count_as_refused(tmp_path: Path) -> None:
    labels = {"provider": "bedrock", "model": "amazon.nova-canvas-v1:0"}
    before = metric("tintype_images_refused_total", **labels)
    async with running_gateway(tmp_path) as gateway:
        response = await gateway.generate(model="nova-canvas", prompt="a half-flagged fox", n=4)

    flagged = sum(entry["flagged"] for entry in response.json()["data"])
    assert flagged > 0
    assert metric("tintype_images_refused_total", **labels) == before + flagged


async def test_calls_are_also_counted_by_opentelemetrys_names(tmp_path: Path) -> None:
    name = "gen_ai_client_operation_duration_seconds_count"
    labels = {"gen_ai_operation_name": "image_generation", "gen_ai_provider_name": "openai"}
    before = [metric(name, error_type=kind, **labels) for kind in ("", "throttled")]
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({}, {"error": "openai/rate_limit_exceeded", **LATER})
        for _ in range(2):
            await gateway.generate()

    after = [metric(name, error_type=kind, **labels) for kind in ("", "throttled")]
    assert after == [count + 1 for count in before]


async def test_tokens_are_counted_where_the_provider_counts_them(tmp_path: Path) -> None:
    name = "gen_ai_client_token_usage_sum"
    labels = {"gen_ai_operation_name": "image_generation", "gen_ai_provider_name": "gcp.gemini"}
    before = [metric(name, gen_ai_token_type=kind, **labels) for kind in ("input", "output")]
    async with running_gateway(tmp_path) as gateway:
        response = await gateway.generate(model="gemini-2.5-flash-image")

    usage = response.json()["usage"]
    after = [metric(name, gen_ai_token_type=kind, **labels) for kind in ("input", "output")]
    counted = [new - old for new, old in zip(after, before, strict=True)]
    assert counted == [usage["input_tokens"], usage["output_tokens"]]


async def test_the_lag_of_the_event_loop_is_sampled() -> None:
    before = metric("tintype_event_loop_lag_seconds_count")
    sampling = asyncio.create_task(observe_lag())

    await eventually(lambda: metric("tintype_event_loop_lag_seconds_count") >= before + 2)

    sampling.cancel()
