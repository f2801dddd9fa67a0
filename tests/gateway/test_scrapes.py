"""What a scrape gets, and what it leaves as it was."""

import gc

import pytest

from tintype_gateway.scrapes import scraped


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_a_scraper_gets_the_format_that_it_asks_for(accept: str, content_type: str) -> None:
    body, told = await scraped(accept)

    assert told.startswith(content_type)
    assert b"tintype_build_info" in body
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)


async def test_garbage_is_collected_again_after_a_scrape() -> None:
    await scraped("")

    assert gc.isenabled()
