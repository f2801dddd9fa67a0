"""What the benchmark asks of a target."""

import asyncio
import os
from pathlib import Path

import pytest

from bench.cases import Case
from bench.catalog import write_catalog
from bench.measure import check
from bench.plan import full, quick
from bench.processes import cpu_seconds, family, forget_peak, memory_bytes, peak_memory_bytes
from bench.targets import Target, encrypted, peer, relay, upstream
from tintype_catalog.compiler import compile_manifests
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_testing.requirements import require

CASE = Case("google-predict", "64 KiB", 1)


def test_a_relay_is_asked_at_the_path_of_the_upstream() -> None:
    request = Target("relay", "http://127.0.0.1:1").request(CASE)

    assert request.url == "http://127.0.0.1:1/google-predict/65536/0/v1/images/generations"


def test_a_gateway_is_asked_as_openai_is() -> None:
    request = peer("litellm,http://127.0.0.1:4000/,123,sk-1").request(CASE)

    assert request.url == "http://127.0.0.1:4000/v1/images/generations"
    assert b'"model": "google-predict-65536"' in request.body
    assert request.headers == ("Authorization: Bearer sk-1",)


def test_a_peer_needs_no_process_and_no_key() -> None:
    assert peer("a,http://a") == Target("a", "http://a", is_gateway=True)
    with pytest.raises(ValueError, match="unpack"):
        peer("a")


def test_the_catalog_serves_every_case(tmp_path: Path) -> None:
    write_catalog(tmp_path, "http://127.0.0.1:1")

    catalog, problems = compile_manifests(ManifestFolder(tmp_path).read())

    cases = [*quick().cases, *quick().waves, *full().cases, *full().waves]
    assert not problems
    assert {case.model for case in cases} == {model.id for model in catalog.models}


async def test_a_process_is_counted_with_those_it_started() -> None:
    child = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        assert family(os.getpid()).count(child.pid) == 1
        assert memory_bytes(os.getpid()) > memory_bytes(child.pid) > 0
    finally:
        child.kill()
        await child.wait()


def test_the_peak_of_memory_can_begin_anew() -> None:
    held = bytearray(b"x" * 64 * 1024 * 1024)
    peak = peak_memory_bytes(os.getpid())
    del held
    forget_peak(os.getpid())

    assert peak_memory_bytes(os.getpid()) < peak
    assert cpu_seconds(os.getpid()) > 0


def test_a_provider_can_be_asked_by_tls() -> None:
    require("nginx", "apt-get install --no-install-recommends nginx")
    case, before = Case("openai-images", "64 KiB", 1), dict(os.environ)
    with upstream() as plain, encrypted(plain) as url, relay(url) as target:
        check(target, case)

        assert url.startswith("https://")
    assert dict(os.environ) == before
