"""The whole way: from a key to an image, and to what is known about it."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.playground.visitor import Visitor
from tintype_testing.gateway_process import GatewayProcess, clean_environ


def test_a_key_opens_the_studio_with_models_and_credits(inside: Visitor) -> None:
    expect(inside.page.locator("#account")).to_contain_text("demo 1,000 credits")
    expect(inside.page.locator("#gallery-count")).to_have_text("52 models")
    expect(inside.prompt).to_be_focused()


def test_a_price_is_told_before_and_charged_after(inside: Visitor) -> None:
    inside.choose("imagen-4.0-generate-001")
    inside.count.fill("2")
    expect(inside.page.locator("#quote")).to_have_text("About 1.28 credits · $0.08")

    inside.make("a lighthouse")

    expect(inside.status).to_have_text("Done: 2 images for 1.28 credits.")
    expect(inside.page.locator("#account-credits")).to_have_text("998.72 credits")


def test_an_image_sharpens_until_it_is_there(inside: Visitor) -> None:
    inside.choose("gpt-image-1")
    inside.option("Quality", "Low")

    inside.make("a lighthouse")

    assert inside.states()[:3] == ["partial", "partial", "done"]
    expect(inside.images).to_have_count(1)


def test_an_image_is_told_in_true_pixels_with_all_that_is_known(inside: Visitor) -> None:
    inside.choose("stability.sd3-5-large-v1:0")
    inside.option("Size", "16:9")
    inside.option("Format", "WebP")
    inside.page.get_by_text("Fine tuning").click()
    inside.page.get_by_label("Seed", exact=True).fill("7")

    inside.make("a lighthouse")

    facts = inside.images.locator(".known")
    expect(facts).to_contain_text(
        re.compile("1344 \N{MULTIPLICATION SIGN} 768 WEBP [0-9]+ kB 1.04 credits Seed 7")
    )
    expect(facts).to_contain_text("Watermark: none")
    expect(inside.page.locator(".facts")).to_contain_text("bedrock/us-west-2/stability")


def test_what_was_adjusted_is_said_in_words(inside: Visitor) -> None:
    inside.choose("gpt-image-2")
    inside.option("Size", "Custom")
    inside.page.get_by_label("Width").fill("1000")
    inside.page.get_by_label("Height").fill("1000")
    inside.option("Quality", "Low")

    inside.make("a lighthouse")

    expect(inside.page.locator(".adjustments")).to_have_text("Size: 1000x1000 → 1008x1008")


def test_a_seed_is_used_again(inside: Visitor) -> None:
    inside.choose("stability.sd3-5-large-v1:0")
    inside.make("a lighthouse")
    told = inside.images.get_by_text("Seed ").first.text_content()
    inside.page.get_by_role("button", name="Use this seed").click()

    expect(inside.page.get_by_label("Seed", exact=True)).to_have_value(str(told).split()[1])


def test_a_page_that_is_loaded_again_has_the_form_as_it_was(inside: Visitor) -> None:
    inside.choose("imagen-4.0-generate-001")
    inside.prompt.fill("a lighthouse that nobody asked for yet")
    inside.count.fill("3")

    inside.page.reload()

    expect(inside.prompt).to_have_value("a lighthouse that nobody asked for yet")
    expect(inside.page.locator("#chosen")).to_contain_text("Imagen 4")
    expect(inside.count).to_have_value("3")


def test_another_tab_begins_with_an_empty_form(inside: Visitor, gateway: GatewayProcess) -> None:
    inside.prompt.fill("a secret lighthouse")
    other = Visitor(inside.page.context.new_page(), inside.url)

    other.enter(gateway.demo_key)

    expect(other.prompt).to_have_value("")
    assert other.page.evaluate("localStorage.length") == 0


def test_an_image_is_downloaded_as_it_came(inside: Visitor, tmp_path: Path) -> None:
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("A lighthouse, at dusk")
    with inside.page.expect_download() as download:
        inside.page.get_by_role("link", name="Download").click()

    assert download.value.suggested_filename == "a-lighthouse-at-dusk-1.png"
    with Image.open(download.value.path()) as image:
        assert (image.format, image.size) == ("PNG", (1024, 1024))


def test_a_request_is_copied_as_code_that_works_and_has_no_key(
    inside: Visitor, gateway: GatewayProcess, tmp_path: Path
) -> None:
    inside.choose("stability.sd3-5-large-v1:0")
    inside.page.get_by_text("Fine tuning").click()
    inside.page.get_by_label("Seed", exact=True).fill("7")
    inside.make('It\'s a "lighthouse" at $HOME')
    here = str(Path(sys.executable).parent)
    environ = clean_environ() | {"TINTYPE_API_KEY": gateway.demo_key}
    environ["PATH"] = f"{here}:{environ['PATH']}"

    for name, command in (("curl", ["sh", "-euc"]), ("Python", [sys.executable, "-c"])):
        inside.page.get_by_role("button", name=f"Copy as {name}").click()
        snippet = inside.page.evaluate("navigator.clipboard.readText()")
        assert gateway.demo_key not in snippet
        subprocess.run([*command, snippet], cwd=tmp_path, env=environ, check=True, timeout=240)
        with Image.open(tmp_path / "image-1.png") as image:
            image.load()
        (tmp_path / "image-1.png").unlink()


def test_former_images_of_the_session_can_be_looked_at_again(inside: Visitor) -> None:
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("a first fox")
    inside.make("a second fox")
    thumbnails = inside.page.locator("#history-list button")

    expect(thumbnails).to_have_count(2)
    thumbnails.nth(1).click()
    expect(inside.page.locator(".run h2")).to_have_text("a first fox")


def test_a_request_is_cancelled(inside: Visitor) -> None:
    requests = "**/v1/images/generations"
    inside.page.route(requests, lambda _: None)  # its response never comes
    inside.choose("gpt-image-2")
    inside.prompt.fill("a lighthouse")
    inside.generate()

    inside.page.get_by_role("button", name="Cancel").click()

    expect(inside.status).to_have_text("Cancelled.")
    expect(inside.page.get_by_role("button", name="Cancel")).to_be_hidden()
    inside.page.unroute(requests)
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("a lighthouse, after all")


def test_filters_leave_the_models_that_fit(inside: Visitor) -> None:
    page = inside.page
    page.get_by_label("Search models").fill("image 1.5")
    expect(inside.cards).to_have_count(1)

    page.get_by_label("Search models").fill("")
    page.get_by_label("Provider").select_option("Google Gemini")
    expect(page.locator("#gallery-count")).to_have_text("7 of 52 models")

    page.get_by_label("Provider").select_option("All providers")
    page.get_by_label("Feature").select_option("Chat completions")
    expect(inside.cards).to_contain_text(["Text only"])

    page.get_by_label("Only active").check()
    expect(page.locator("#gallery-count")).to_have_text("No model fits these filters.")


def test_a_model_that_is_on_its_way_out_names_what_takes_its_place(inside: Visitor) -> None:
    inside.choose("amazon.nova-canvas-v1:0")

    expect(inside.page.locator("#chosen")).to_contain_text("Deprecated Mar 30, 2026")
    expect(inside.page.locator("#chosen")).to_contain_text("gpt-image-2 takes its place.")


def test_a_model_that_is_gone_says_so_and_cannot_be_chosen(inside: Visitor) -> None:
    card = inside.page.locator(".card", has_text="dall-e-3")

    expect(card).to_contain_text("Retired")
    expect(card).to_have_attribute("aria-disabled", "true")
    card.click(force=True)
    expect(inside.page.locator("#chosen")).not_to_contain_text("DALL")
