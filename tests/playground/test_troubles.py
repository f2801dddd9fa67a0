"""What goes wrong is told so that people know what to do."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.playground.visitor import Visitor
from tintype_testing.cluster.processes import run_tintype
from tintype_testing.gateway_process import GatewayProcess, clean_environ


def run(gateway: GatewayProcess, *arguments: str) -> str:
    """Run `tintype` on the gateway's own ledger, and return its output."""
    ended = run_tintype(*arguments, environ=clean_environ(), folder=gateway.folder)
    ended.check_returncode()
    return ended.stdout


@pytest.fixture(scope="module")
def poor_key(gateway: GatewayProcess) -> str:
    """The key of an account with a hundredth of a credit."""
    run(gateway, "accounts", "create", "poor", "--credits", "0.01")
    return run(gateway, "keys", "create", "--account", "poor").split("\t")[1].strip()


@pytest.mark.parametrize("key", ["sk-wrong", "not ascii ü"])
def test_a_wrong_key_is_said_to_be_one(visitor: Visitor, key: str) -> None:
    visitor.connect(key)

    expect(visitor.page.locator("#key-error")).to_contain_text("This key does not work")
    expect(visitor.page.get_by_label("API key")).to_be_focused()
    assert visitor.page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_who_cannot_pay_is_told_what_is_missing(visitor: Visitor, poor_key: str) -> None:
    visitor.enter(poor_key)
    visitor.choose("imagen-4.0-generate-001")
    expect(visitor.page.locator("#quote")).to_contain_text("0.64")
    visitor.prompt.fill("a lighthouse")
    visitor.generate()

    expect(visitor.problem).to_contain_text("Not enough credits")
    expect(visitor.problem).to_contain_text("0.63 credits are missing")


@pytest.fixture(scope="module")
def slow_key(gateway: GatewayProcess) -> str:
    """The key of an account that may make ten calls a minute."""
    run(gateway, "accounts", "create", "slow", "--credits", "10", "--calls-per-minute", "10")
    return run(gateway, "keys", "create", "--account", "slow").split("\t")[1].strip()


def test_prices_leave_calls_for_images(visitor: Visitor, slow_key: str) -> None:
    quoted: list[str] = []
    visitor.page.on(
        "request",
        lambda sent: quoted.append(sent.post_data or "") if sent.url.endswith("/quote") else None,
    )
    visitor.page.clock.install()
    visitor.enter(slow_key)
    visitor.choose("imagen-4.0-generate-001")
    # It would go on beside the test, and a slow test would leave time for further prices.
    visitor.page.clock.pause_at(visitor.page.evaluate("Date.now() / 1000 + 1"))
    for number in range(20):
        visitor.prompt.fill(f"a lighthouse {number}")
        visitor.page.clock.run_for(300)
    assert len(quoted) <= 2

    with visitor.page.expect_request(lambda sent: "a lighthouse 19" in (sent.post_data or "")):
        visitor.page.clock.run_for(12_000)
    assert len(quoted) <= 3
    visitor.page.clock.resume()
    visitor.generate()
    expect(visitor.images).to_have_count(1)


def test_a_refused_prompt_is_told_and_costs_nothing(inside: Visitor) -> None:
    before = inside.page.locator("#account-credits").text_content()
    inside.choose("gpt-image-1")
    inside.prompt.fill("a forbidden lighthouse")
    inside.generate()

    expect(inside.problem).to_contain_text("The provider refused this prompt")
    expect(inside.problem).to_contain_text("Nothing was charged")
    expect(inside.page.locator("#account-credits")).to_have_text(str(before))


def test_a_withheld_image_is_told_in_its_place(inside: Visitor) -> None:
    inside.choose("amazon.titan-image-generator-v2:0")
    inside.count.fill("2")
    inside.make("a half-flagged lighthouse")

    withheld = inside.page.locator(".plate[data-state=flagged]")
    expect(withheld).to_contain_text("not charged")
    expect(withheld).to_contain_text("have been blocked by our content filters")
    expect(inside.images).to_have_count(1)


def test_an_empty_prompt_is_asked_for(inside: Visitor) -> None:
    inside.generate()

    expect(inside.page.locator("#prompt-error")).to_have_text("Say what the image should show.")
    expect(inside.prompt).to_be_focused()


def test_a_wrong_value_is_told_at_its_field(inside: Visitor) -> None:
    inside.choose("imagen-4.0-generate-001")
    inside.count.fill("11")

    expect(inside.page.locator("#error-n")).to_contain_text("10")
    expect(inside.count).to_have_attribute("aria-invalid", "")


def test_a_lost_network_is_told_and_the_next_try_works(inside: Visitor) -> None:
    inside.choose("imagen-4.0-fast-generate-001")
    inside.prompt.fill("a lighthouse")
    inside.page.context.set_offline(True)
    inside.generate()
    expect(inside.problem).to_contain_text("The connection was lost")

    inside.page.context.set_offline(False)
    inside.make("a lighthouse")
    expect(inside.problem).to_be_empty()


def test_a_truncated_response_is_reported(inside: Visitor) -> None:
    def cut(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.body()[:5000])

    inside.page.route("**/v1/images/generations", cut)
    inside.choose("imagen-4.0-fast-generate-001")
    inside.prompt.fill("a lighthouse")
    inside.generate()

    expect(inside.problem).to_contain_text("ended before an image was finished")


def test_code_is_copied_from_a_page_without_https_too(inside: Visitor) -> None:
    inside.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("a lighthouse")
    inside.page.get_by_role("button", name="Copy as curl").click()
    expect(inside.status).to_have_text("Copied.")

    inside.prompt.fill("")
    inside.prompt.press("Control+V")
    expect(inside.prompt).to_have_value(re.compile(r"^curl -sS .*\$TINTYPE_API_KEY", re.DOTALL))


def test_the_policy_stops_a_script_that_somebody_slipped_in(inside: Visitor) -> None:
    inside.page.evaluate("""() => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.head.append(script);
    }""")

    assert inside.page.evaluate("window.ran") is None
    assert inside.page.evaluate("window.violations.splice(0)") == ["script-src-elem: inline"]
    inside.complaints.clear()


def test_words_of_others_are_never_markup(inside: Visitor) -> None:
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("<img src=x onerror=alert(1)><b>bold</b>")

    expect(inside.page.locator(".run h2")).to_have_text("<img src=x onerror=alert(1)><b>bold</b>")
    assert inside.page.locator(".run b").count() == 0
