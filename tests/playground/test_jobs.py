"""Requests in the background: listed, followed, cancelled, and still there after a reload."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.playground.test_everybody import faults
from tests.playground.visitor import Visitor, visit
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.silent_provider import gateway_without_response

FAST = "imagen-4.0-fast-generate-001"

LIMIT = 120_000
"""How long a job may take on a loaded machine, in milliseconds."""


def submit(visitor: Visitor, prompt: str) -> None:
    """Ask for an image in the background, and wait until the gateway has taken the request."""
    visitor.page.get_by_label("In the background").check()
    visitor.prompt.fill(prompt)
    visitor.generate()
    expect(visitor.status).to_contain_text("Submitted")


def cancel(visitor: Visitor, prompt: str) -> None:
    """Cancel a job by keyboard."""
    visitor.page.get_by_role("button", name=f"Cancel: {prompt}").press("Enter")


def drawn_again(visitor: Visitor) -> None:
    """Wait until the page has drawn its only job once more."""
    visitor.page.locator(".job h3").evaluate("node => node.dataset.old = ''")
    expect(visitor.page.locator(".job h3[data-old]")).to_have_count(0)


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


@pytest.fixture
def idle(browser: Browser, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody in the studio of a gateway that carries out no jobs."""
    environ = {"TINTYPE_JOBS_CONCURRENCY": "0"}
    with running_process(tmp_path, "--simulate", "--demo", environ=environ) as gateway:
        visitor = visit(browser, gateway.url, viewport={"width": 1440, "height": 900})
        visitor.enter(gateway.demo_key)
        visitor.choose(FAST)
        yield visitor
        visitor.page.context.close()


def test_a_running_job_is_cancelled_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with gateway_without_response(tmp_path) as gateway:
        visitor = visit(browser, gateway.url)
        visitor.enter(gateway.demo_key)
        submit(visitor, "a lighthouse that takes its time")
        expect(jobs(visitor)).to_contain_text(["In progress"])

        cancel(visitor, "a lighthouse that takes its time")

        expect(jobs(visitor)).to_contain_text(["Cancelled"], timeout=LIMIT)
        expect(jobs(visitor).get_by_role("progressbar")).to_have_count(0)
        visitor.page.context.close()


def test_a_job_that_waits_is_shown_to_everybody_and_cancelled(idle: Visitor) -> None:
    submit(idle, "a lighthouse that waits")
    expect(jobs(idle)).to_contain_text(["In the queue"])
    expect(jobs(idle).get_by_role("progressbar")).to_have_count(1)
    assert faults(idle) == []
    idle.page.set_viewport_size({"width": 320, "height": 800})
    assert idle.too_wide() <= 0
    assert faults(idle) == []

    cancel(idle, "a lighthouse that waits")

    expect(jobs(idle)).to_contain_text(["Cancelled"], timeout=LIMIT)


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_a_press_that_outlasts_a_drawing_of_the_job_is_not_lost(idle: Visitor, by: str) -> None:
    submit(idle, "a lighthouse that waits")
    button = idle.page.get_by_role("button", name="Cancel: a lighthouse that waits")
    button.focus()
    button.hover()

    if by == "key":
        idle.page.keyboard.down("Space")
        drawn_again(idle)
        idle.page.keyboard.up("Space")
    else:
        idle.page.mouse.down()
        drawn_again(idle)
        idle.page.mouse.up()

    expect(jobs(idle)).to_contain_text(["Cancelled"], timeout=LIMIT)
    expect(jobs(idle)).to_be_focused()


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
