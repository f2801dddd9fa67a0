"""What a scrape gets, and what it leaves as it was."""

import gc

import pytest

from tintype_gateway.observability.metrics import RETRIES
from tintype_gateway.observability.scrape import scraped
from tintype_testing.metrics import metric


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_a_scraper_gets_the_format_that_it_asks_for(accept: str, content_type: str) -> None:
    body, media_type = await scraped(accept)

    assert media_type.startswith(content_type)
    assert b"tintype_build_info" in body
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)


async def test_garbage_is_collected_again_after_a_scrape() -> None:
    await scraped("")

    assert gc.isenabled()


def test_a_series_is_the_same_one_whenever_it_is_asked_for() -> None:
    first = RETRIES.labels("openai", "throttled")
    before = metric("tintype_retries_total", provider="openai", reason="throttled")

    first.inc()
    RETRIES.labels("openai", "throttled").inc()

    assert RETRIES.labels("openai", "throttled") is first
    assert RETRIES.labels(provider="openai", reason="throttled") is first
    after = metric("tintype_retries_total", provider="openai", reason="throttled")
    assert after == before + 2
