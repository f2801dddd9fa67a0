"""The page is for everybody: keyboards, screen readers, bright rooms, dark ones, small screens."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from tests.playground.conftest import Visiting
from tests.playground.visitor import Visitor
from tintype_testing.gateway_process import GatewayProcess

SCHEMES = ("light", "dark")


def faults(visitor: Visitor) -> list[str]:
    """Return what axe finds wrong with the page as it is now."""
    visitor.page.evaluate(
        "Promise.allSettled(document.getAnimations().map((each) => each.finished))"
    )
    found: dict[str, Any] = Axe().run(visitor.page).response
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 1440])
def test_axe_finds_nothing_wrong(
    visiting: Visiting, gateway: GatewayProcess, scheme: str, width: int
) -> None:
    visitor = visiting(viewport={"width": width, "height": 900}, color_scheme=scheme)
    visitor.connect("sk-wrong")
    expect(visitor.page.locator("#key-error")).not_to_be_empty()
    assert faults(visitor) == []

    visitor.enter(gateway.demo_key)
    visitor.choose("amazon.nova-canvas-v1:0")
    visitor.page.get_by_text("Fine tuning").click()
    assert faults(visitor) == []

    visitor.make("a lighthouse")
    assert faults(visitor) == []

    visitor.prompt.fill("a forbidden lighthouse")
    visitor.generate()
    expect(visitor.problem).not_to_be_empty()
    assert faults(visitor) == []


@pytest.mark.parametrize("width", [320, 375, 768, 1024])
def test_nothing_is_wider_than_the_screen(
    visiting: Visiting, gateway: GatewayProcess, width: int
) -> None:
    visitor = visiting(viewport={"width": width, "height": 700})
    visitor.open()
    visitor.page.get_by_text("Where do I get one?").click()
    assert visitor.too_wide() <= 0
    form = visitor.page.locator("#key-form")
    assert form.evaluate("node => node.scrollWidth - node.clientWidth") == 0

    visitor.enter(gateway.demo_key)
    visitor.choose("gemini-3.1-flash-image")
    assert visitor.too_wide() <= 0

    visitor.make("a-very-long-word-" * 12)
    assert visitor.too_wide() <= 0


def test_a_keyboard_is_enough(visitor: Visitor, gateway: GatewayProcess) -> None:
    keys = visitor.page.keyboard
    visitor.open()
    expect(visitor.page.get_by_label("API key")).to_be_focused()
    keys.type(gateway.demo_key)
    keys.press("Enter")
    expect(visitor.prompt).to_be_focused()

    keys.press("Shift+Tab")
    keys.press("/")
    expect(visitor.page.get_by_label("Search models")).to_be_focused()
    keys.type("imagen 4 fast")
    expect(visitor.cards).to_have_count(1)
    for _ in range(4):
        keys.press("Tab")
    expect(visitor.cards).to_be_focused()
    keys.press("Enter")
    expect(visitor.page.locator("#chosen")).to_contain_text("Imagen 4 Fast")
    expect(visitor.cards).to_have_attribute("aria-pressed", "true")

    visitor.prompt.focus()
    keys.type("a lighthouse")
    keys.press("Control+Enter")
    expect(visitor.status).to_contain_text("Done")
    visitor.page.get_by_role("tab", name="Images").focus()
    keys.press("ArrowLeft")
    expect(visitor.page.get_by_role("tab", name="Models")).to_be_focused()
    expect(visitor.cards.first).to_be_visible()


def test_escape_cancels(inside: Visitor) -> None:
    inside.page.route("**/v1/images/generations", lambda _: None)  # its response never comes
    inside.choose("gpt-image-2")
    inside.prompt.fill("a lighthouse")
    inside.page.keyboard.press("Control+Enter")
    expect(inside.page.get_by_role("button", name="Cancel")).to_be_visible()

    inside.page.keyboard.press("Escape")

    expect(inside.status).to_have_text("Cancelled.")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_system_decides_the_colors_until_somebody_does(visiting: Visiting, scheme: str) -> None:
    visitor = visiting(color_scheme=scheme)
    visitor.open()
    paper = "getComputedStyle(document.body).backgroundColor"
    first = visitor.page.evaluate(paper)

    visitor.page.get_by_role("button", name="Change between light and dark").click()
    visitor.page.reload()
    second = visitor.page.evaluate(paper)
    visitor.page.get_by_role("button", name="Change between light and dark").click()

    assert {first, second} == {"rgb(245, 242, 237)", "rgb(20, 18, 16)"}
    assert visitor.page.evaluate(paper) == first
    assert visitor.page.evaluate("localStorage.length") == 0


def test_who_wants_less_motion_gets_none(visiting: Visiting, gateway: GatewayProcess) -> None:
    visitor = visiting(reduced_motion="reduce")
    visitor.enter(gateway.demo_key)
    visitor.choose("imagen-4.0-fast-generate-001")
    visitor.make("a lighthouse")

    image = visitor.images.locator("img")
    assert image.evaluate("node => parseFloat(getComputedStyle(node).animationDuration)") < 0.001


def test_a_key_is_kept_for_the_tab_and_longer_only_if_asked(
    visitor: Visitor, gateway: GatewayProcess
) -> None:
    visitor.enter(gateway.demo_key)
    assert visitor.page.evaluate("localStorage.length") == 0
    visitor.page.reload()
    expect(visitor.prompt).to_be_visible()
    assert gateway.demo_key not in visitor.page.url

    visitor.page.get_by_role("button", name="Forget the key").click()
    expect(visitor.page.get_by_label("API key")).to_be_visible()
    assert visitor.page.evaluate("sessionStorage.length") == 0

    visitor.page.get_by_label("API key").fill(gateway.demo_key)
    visitor.page.get_by_label("Remember it on this device").check()
    visitor.page.get_by_role("button", name="Connect").click()
    expect(visitor.prompt).to_be_visible()
    other = visitor.page.context.new_page()
    other.goto(visitor.url)
    expect(other.get_by_label("Prompt")).to_be_visible()


def test_a_prompt_is_written_in_the_direction_of_its_language(inside: Visitor) -> None:
    direction = "document.getElementById('prompt').matches(':dir(rtl)')"
    inside.prompt.fill("a red cat")
    assert not inside.page.evaluate(direction)

    inside.prompt.fill("قطة حمراء")
    assert inside.page.evaluate(direction)
