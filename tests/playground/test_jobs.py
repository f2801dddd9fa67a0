"""Requests in the background: listed, followed, cancelled, and still there after a reload."""

import json
from pathlib import Path

from playwright.sync_api import Browser, Locator, Route, expect

from tests.playground.test_everybody import faults
from tests.playground.visitor import Visitor, visit
from tintype_testing.gateway_process import GatewayProcess, running_process

FAST = "imagen-4.0-fast-generate-001"
SLOW = "gpt-image-2"

LIMIT = 60_000
"""How long a job may take on a loaded machine, in milliseconds."""


def submit(visitor: Visitor, prompt: str) -> None:
    """Ask for an image in the background, and wait until the gateway has taken the request."""
    visitor.page.get_by_label("In the background").check()
    visitor.prompt.fill(prompt)
    visitor.generate()
    expect(visitor.status).to_contain_text("Submitted")


def submit_slow(visitor: Visitor) -> None:
    """Ask for images that take a while."""
    visitor.choose(SLOW)
    visitor.option("Size", "2048 \N{MULTIPLICATION SIGN} 2048")
    visitor.count.fill("8")
    submit(visitor, "a lighthouse that takes its time")


def cancel(visitor: Visitor, prompt: str) -> None:
    """Cancel a job by keyboard."""
    visitor.page.get_by_role("button", name=f"Cancel: {prompt}").press("Enter")


def jobs(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("list", name="Jobs").get_by_role("listitem")


def test_a_job_is_listed_and_its_images_are_shown(inside: Visitor) -> None:
    before = inside.page.locator("#account-credits").text_content()
    inside.choose(FAST)
    submit(inside, "a lighthouse in the background")

    expect(jobs(inside)).to_contain_text(["a lighthouse in the background"])
    expect(jobs(inside)).to_contain_text(["Done \N{MIDDLE DOT} 0.32 credits"], timeout=LIMIT)
    expect(inside.status).to_have_text("A job is done: 1 image for 0.32 credits.")
    expect(inside.page.locator("#account-credits")).not_to_have_text(str(before))
    assert faults(inside) == []

    inside.page.get_by_role("button", name="Show: a lighthouse in the background").press("Enter")
    expect(inside.page.get_by_role("tab", name="Images")).to_be_focused()
    assert inside.result().size == (1024, 1024)
    inside.page.get_by_role("tab", name="Jobs").click()
    inside.page.get_by_role("button", name="Remove").press("Enter")
    expect(inside.page.get_by_role("tab", name="Jobs")).to_be_hidden()


def test_a_job_goes_on_while_the_page_is_loaded_again(
    inside: Visitor, gateway: GatewayProcess
) -> None:
    inside.choose("gpt-image-1")
    submit(inside, "a secret lighthouse")
    kept = inside.page.evaluate("sessionStorage.getItem('tintype.jobs')")
    assert [id.startswith("job_") for id in json.loads(kept)] == [True]

    inside.page.reload()
    inside.page.get_by_role("tab", name="Jobs").click()

    expect(jobs(inside)).to_contain_text(["Generate: "])
    expect(jobs(inside)).to_contain_text(["Done"], timeout=LIMIT)
    inside.page.get_by_role("button", name="Show").click()
    expect(inside.images).to_have_count(1, timeout=LIMIT)
    assert inside.page.evaluate("localStorage.length") == 0

    inside.page.get_by_role("button", name="Forget the key").click()
    expect(inside.page.get_by_label("API key")).to_be_visible()
    assert inside.page.evaluate("sessionStorage.length") == 0


def test_a_running_job_is_cancelled_by_keyboard(inside: Visitor) -> None:
    submit_slow(inside)
    expect(jobs(inside)).to_contain_text(["In progress"])

    cancel(inside, "a lighthouse that takes its time")

    expect(jobs(inside)).to_contain_text(["Cancelled"], timeout=LIMIT)
    expect(jobs(inside).get_by_role("progressbar")).to_have_count(0)


def test_a_job_that_waits_is_shown_to_everybody_and_cancelled(
    browser: Browser, tmp_path: Path
) -> None:
    idle = {"TINTYPE_JOBS_CONCURRENCY": "0"}
    with running_process(tmp_path, "--simulate", "--demo", environ=idle) as gateway:
        visitor = visit(browser, gateway.url, viewport={"width": 1440, "height": 900})
        visitor.enter(gateway.demo_key)
        visitor.choose(FAST)
        submit(visitor, "a lighthouse that waits")
        expect(jobs(visitor)).to_contain_text(["In the queue"])
        expect(jobs(visitor).get_by_role("progressbar")).to_have_count(1)
        assert faults(visitor) == []
        visitor.page.set_viewport_size({"width": 320, "height": 800})
        assert visitor.too_wide() <= 0
        assert faults(visitor) == []

        cancel(visitor, "a lighthouse that waits")

        expect(jobs(visitor)).to_contain_text(["Cancelled"], timeout=LIMIT)
        visitor.page.context.close()


def test_a_page_that_gets_no_events_looks_at_its_jobs_instead(inside: Visitor) -> None:
    broken: list[str] = []

    def break_off(route: Route) -> None:
        if len(broken) >= 2:
            return route.fallback()
        broken.append(route.request.url)
        return route.abort()

    inside.page.route("**/events", break_off)
    inside.choose(FAST)
    submit(inside, "a lighthouse without events")

    expect(jobs(inside)).to_contain_text(["Done"], timeout=LIMIT)
    inside.page.get_by_role("button", name="Show").click()
    expect(inside.images).to_have_count(1, timeout=LIMIT)
    assert len(broken) == 2


def test_a_job_that_fails_says_why(inside: Visitor) -> None:
    inside.choose("gpt-image-1")
    submit(inside, "a forbidden lighthouse")

    expect(jobs(inside)).to_contain_text(["Failed: "], timeout=LIMIT)
    expect(inside.page.get_by_role("button", name="Show")).to_have_count(0)
