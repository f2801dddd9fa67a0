"""Images are edited: chosen, masked, priced, bought, and compared with what they were."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import FilePayload, expect

from tests.playground.conftest import Visiting
from tests.playground.test_everybody import faults
from tests.playground.visitor import Visitor
from tintype_testing.gateway_process import GatewayProcess, clean_environ

WIDTH, HEIGHT = 640, 480

PHOTO = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")

ORIENTATION = 0x0112

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}


def file(image: Image.Image, name: str = "photo.png", **options: object) -> FilePayload:
    """Return an image as a file that a visitor chooses."""
    written = io.BytesIO()
    image.save(written, FORMATS[Path(name).suffix], **options)
    return {"name": name, "mimeType": "application/octet-stream", "buffer": written.getvalue()}


def changed_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """Return the box of the pixels that differ clearly, as left, top, right and bottom."""
    difference = ImageChops.difference(before, after.convert("RGB"))
    bands = [band.point([0] * 48 + [255] * 208) for band in difference.split()]
    box = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2]).getbbox()
    assert box is not None
    return box


def test_only_what_the_mouse_painted_changes(inside: Visitor) -> None:
    inside.choose("nova-canvas-inpainting")
    expect(inside.quote).to_have_text("Choose an image to see the price.")
    inside.add_images(file(PHOTO))
    inside.page.get_by_role("button", name="Paint a mask").click()
    inside.page.get_by_label("Brush size").fill("10")  # a brush 48 pixels across
    box = inside.mask.bounding_box()
    assert box is not None
    scale = box["width"] / WIDTH
    inside.page.mouse.move(box["x"] + 100 * scale, box["y"] + 200 * scale)
    inside.page.mouse.down()
    inside.page.mouse.move(box["x"] + 300 * scale, box["y"] + 200 * scale, steps=4)
    inside.page.mouse.up()
    expect(inside.page.locator("#mask-state")).to_have_text("4 % of image 1 will change.")
    inside.prompt.fill("a red fox")
    expect(inside.quote).to_have_text("At most 0.96 credits · $0.06")

    inside.buy("Edit")

    expect(inside.status).to_have_text("Done: 1 image for 0.64 credits.")
    after = inside.result()
    assert after.size == (WIDTH, HEIGHT)
    left, top, right, bottom = changed_box(PHOTO, after)
    assert (left, top, right, bottom) == pytest.approx((76, 176, 324, 224), abs=2)
    changed = ImageChops.difference(PHOTO, after.convert("RGB")).getbbox()
    assert changed == (left, top, right, bottom)


def test_a_keyboard_is_enough_to_paint_and_to_compare(inside: Visitor) -> None:
    keys = inside.page.keyboard
    inside.choose("stability.stable-image-inpaint-v1:0")
    inside.add_images(file(PHOTO))
    inside.page.get_by_role("button", name="Paint a mask").press("Enter")
    expect(inside.mask).to_be_focused()
    for key in ("]", "[", "ArrowRight", "ArrowUp"):  # a brush of 12 %, moved by half its radius
        keys.press(key)
    expect(inside.page.locator("#mask-where")).to_have_text(
        "52 % from the left, 47 % from the top: not painted."
    )
    keys.press("Space")
    keys.press("Enter")
    keys.press("Shift+ArrowLeft")
    keys.press("Enter")
    keys.press("Control+z")
    inside.prompt.focus()
    keys.type("a red fox")

    keys.press("Control+Enter")

    expect(inside.status).to_contain_text("Done")
    middle, radius = (WIDTH / 2 + 14.4, HEIGHT / 2 - 14.4), 28.8
    edges = (*(edge - radius for edge in middle), *(edge + radius for edge in middle))
    assert changed_box(PHOTO, inside.result()) == pytest.approx(edges, abs=2)
    slider = inside.page.get_by_role("slider", name="Compare before and after")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "Before on the left 0 %, after on the rest")
    slider.press("ArrowRight")
    expect(slider).to_have_value("1")


def test_a_finger_paints_on_a_photo_that_a_phone_turned(
    visiting: Visiting, gateway: GatewayProcess
) -> None:
    visitor = visiting(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photo = file(PHOTO, "photo.jpg", exif=exif, quality=95)
    visitor.enter(gateway.demo_key)
    visitor.choose("nova-canvas-inpainting")
    visitor.add_images(photo)
    expect(visitor.inputs).to_contain_text(f"{HEIGHT} \N{MULTIPLICATION SIGN} {WIDTH}")
    visitor.page.get_by_role("button", name="Paint a mask").tap()
    visitor.mask.scroll_into_view_if_needed()
    box = visitor.mask.bounding_box()
    assert box is not None
    visitor.page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    assert visitor.too_wide() <= 0
    visitor.prompt.fill("a red fox")
    visitor.buy("Edit")

    with Image.open(io.BytesIO(photo["buffer"])) as image:
        upright = ImageOps.exif_transpose(image)
    left, top, right, bottom = changed_box(upright, visitor.result())
    middle = ((left + right) / 2, (top + bottom) / 2)
    assert middle == pytest.approx((HEIGHT / 4, WIDTH / 4), abs=4)
    assert right - left == pytest.approx(0.12 * HEIGHT, abs=6)


def test_a_photo_that_the_browser_does_not_turn_is_not_painted_on(inside: Visitor) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    inside.choose("nova-canvas-inpainting")
    inside.add_images(file(PHOTO, "photo.webp", exif=exif))

    expect(inside.page.locator("#mask-state")).to_contain_text("cannot show image 1 upright")
    expect(inside.page.get_by_role("tab", name="Mask")).to_be_hidden()


def test_a_mask_is_erased_inverted_cleared_and_stays_with_its_image(inside: Visitor) -> None:
    state = inside.page.locator("#mask-state")
    inside.choose("gpt-image-2")
    inside.do("Edit")
    inside.add_images(file(PHOTO, "one.png"), file(PHOTO, "two.png"))
    inside.page.get_by_role("button", name="Paint a mask").click()
    inside.page.get_by_role("button", name="Invert").click()
    expect(state).to_have_text("100 % of image 1 will change.")
    inside.page.get_by_label("Erase", exact=True).check()
    inside.page.get_by_label("Brush size").fill("60")
    inside.mask.click()
    expect(state).to_have_text("79 % of image 1 will change.")

    inside.page.get_by_role("button", name="Move image 2 up").click()
    expect(inside.page.get_by_role("button", name="Move image 1 down")).to_be_focused()
    expect(inside.inputs.first).to_contain_text("two.png")
    expect(state).to_have_text("No mask: the model decides what changes.")
    inside.page.get_by_role("button", name="Remove image 1").click()
    expect(state).to_have_text("79 % of image 1 will change.")
    inside.page.get_by_role("button", name="Clear").click()
    expect(state).to_have_text("No mask: the model decides what changes.")
    inside.page.get_by_role("button", name="Undo").click()
    expect(state).to_have_text("79 % of image 1 will change.")


def test_a_form_asks_for_what_the_model_takes_and_for_nothing_else(inside: Visitor) -> None:
    page = inside.page
    inside.choose("stability.stable-image-remove-background-v1:0")
    inside.add_images(file(PHOTO, "a.png"), file(PHOTO, "b.png"))
    expect(page.get_by_role("group", name="Operation")).to_be_hidden()
    expect(inside.prompt).to_be_hidden()
    expect(page.get_by_role("button", name="Paint a mask")).to_be_hidden()
    expect(page.get_by_role("tab", name="Mask")).to_be_hidden()
    expect(page.locator("#images-hint")).to_contain_text("1 image.")
    inside.page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#images-error")).to_have_text("This model takes 1 image: remove 1.")

    inside.choose("titan-image-generator-v2-inpainting")
    expect(page.get_by_label("Prompt (optional)")).to_be_visible()
    inside.choose("gemini-2.5-flash-image")
    expect(page.locator("#images-hint")).to_contain_text("1 to 3 images.")
    inside.do("Generate")
    expect(page.get_by_text("drop or paste")).to_be_hidden()


@pytest.mark.parametrize(
    ("model", "label", "words"),
    [
        ("nova-canvas-color-guided", "Colors", "#c96f2e, #2a4858"),
        ("stability.stable-image-search-replace-v1:0", "Search prompt", "the sky"),
    ],
)
def test_what_only_the_provider_has_is_asked_for(
    inside: Visitor, model: str, label: str, words: str
) -> None:
    inside.choose(model)
    if model.startswith("nova"):
        inside.do("Edit")
    inside.add_images(file(PHOTO))
    inside.page.get_by_label(label).fill(words)
    inside.prompt.fill("a red fox")

    inside.buy("Edit")

    expect(inside.images).to_have_count(1)


def test_a_file_that_is_no_image_is_refused_at_its_place(inside: Visitor) -> None:
    inside.choose("nova-canvas-inpainting")
    inside.add_images({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})

    expect(inside.page.locator("#images-error")).to_contain_text("SVG")
    expect(inside.inputs.locator("img")).to_have_count(0)
    expect(inside.page.locator("#mask-state")).to_contain_text("cannot show image 1")


def test_an_image_that_was_made_is_varied_by_another_model(inside: Visitor) -> None:
    inside.choose("imagen-4.0-fast-generate-001")
    inside.make("a lighthouse")
    inside.page.get_by_role("button", name="Edit this image").click()
    expect(inside.page.get_by_label("Feature")).to_have_value("image_edit")
    inside.choose("gpt-image-2")
    expect(inside.inputs).to_contain_text("a-lighthouse-1.png")
    inside.do("Vary")
    inside.option("Quality", "Low")

    inside.buy("Vary")

    expect(inside.page.locator(".run h2")).to_have_text("Vary: a-lighthouse-1.png")
    expect(inside.images.get_by_alt_text("Before")).to_be_visible()


@pytest.mark.parametrize(("event", "field"), [("drop", "dataTransfer"), ("paste", "clipboardData")])
def test_images_are_dropped_and_pasted(inside: Visitor, event: str, field: str) -> None:
    inside.choose("gemini-2.5-flash-image")
    inside.page.evaluate(
        """([event, field]) => {
            const data = new DataTransfer();
            for (const name of ['a.png', 'b.png']) data.items.add(new File(['PNG'], name));
            const Kind = { drop: DragEvent, paste: ClipboardEvent }[event];
            document.body.dispatchEvent(new Kind(event, { [field]: data, bubbles: true }));
        }""",
        [event, field],
    )

    expect(inside.inputs).to_contain_text(["a.png", "b.png"])
    expect(inside.page.get_by_role("button", name="Edit", exact=True)).to_be_visible()


def test_an_svg_is_offered_as_a_file_and_never_shown(inside: Visitor) -> None:
    inside.choose("gpt-image-2.6-flare")
    inside.do("Edit")
    inside.add_images(file(PHOTO))
    inside.option("Format", "SVG")
    inside.prompt.fill("a red fox")
    inside.buy("Edit")

    expect(inside.images).to_contain_text("An SVG may hold scripts")
    expect(inside.images.locator("img, iframe, object")).to_have_count(0)
    link = inside.images.get_by_role("link", name="Download")
    expect(link).to_have_attribute("download", "a-red-fox-1.svg")


def test_an_edit_is_copied_as_code_that_works(
    inside: Visitor, gateway: GatewayProcess, tmp_path: Path
) -> None:
    photo = file(PHOTO, 'my "photo".png')
    (tmp_path / photo["name"]).write_bytes(photo["buffer"])
    inside.choose("nova-canvas-inpainting")
    inside.add_images(photo)
    inside.page.get_by_role("button", name="Paint a mask").click()
    inside.mask.click()
    with inside.page.expect_download() as download:
        inside.page.locator("#panel-mask").get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    inside.prompt.fill("@home")
    inside.buy("Edit")
    environ = clean_environ() | {"TINTYPE_API_KEY": gateway.demo_key}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"

    for name, command in (("curl", ["sh", "-euc"]), ("Python", [sys.executable, "-c"])):
        inside.page.get_by_role("button", name=f"Copy as {name}").click()
        snippet = inside.page.evaluate("navigator.clipboard.readText()")
        subprocess.run([*command, snippet], cwd=tmp_path, env=environ, check=True, timeout=240)
        with Image.open(tmp_path / "image-1.png") as image:
            assert changed_box(PHOTO, image) == pytest.approx((291, 211, 349, 269), abs=3)
        (tmp_path / "image-1.png").unlink()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 320)])
def test_axe_finds_nothing_wrong_with_editing(
    visiting: Visiting, gateway: GatewayProcess, scheme: str, width: int
) -> None:
    visitor = visiting(viewport={"width": width, "height": 900}, color_scheme=scheme)
    visitor.enter(gateway.demo_key)
    visitor.choose("gpt-image-1")
    visitor.do("Edit")
    visitor.page.get_by_role("button", name="Edit", exact=True).click()
    expect(visitor.page.locator("#images-error")).to_have_text("Choose an image.")
    assert faults(visitor) == []

    visitor.add_images(file(PHOTO, "a-very-long-name-" * 9 + ".png"), file(PHOTO))
    visitor.page.get_by_role("button", name="Paint a mask").click()
    visitor.mask.press("Space")
    assert visitor.too_wide() <= 0
    assert faults(visitor) == []

    visitor.option("Quality", "Low")
    visitor.prompt.fill("a red fox")
    visitor.buy("Edit")
    expect(visitor.page.get_by_role("slider", name=re.compile("Compare"))).to_be_visible()
    assert visitor.too_wide() <= 0
    assert faults(visitor) == []
