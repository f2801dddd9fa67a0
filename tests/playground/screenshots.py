"""Takes the images of docs/playground.md: `python -m tests.playground.screenshots`."""

import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.playground.chromium import running_chromium
from tests.playground.places import IMAGES
from tests.playground.visitor import Visitor, visit
from tintype_testing.gateway_process import GatewayProcess, running_process

WIDE = {"width": 1440, "height": 1180}
NARROW = {"width": 390, "height": 844}

PROMPT = "A quiet mountain lake at dawn, layers of mist, woodblock print"

BEST_SEED = "29"
"""With which the simulator paints this prompt best."""

FONT = "document.documentElement.style.setProperty('--sans', 'Inter, system-ui')"
"""Debian has no system font to speak of. Inter looks like those of other systems."""


def main() -> int:
    """Write the images, and return the exit code."""
    with (
        TemporaryDirectory() as folder,
        running_chromium() as browser,
        running_process(Path(folder), "--simulate", "--demo") as gateway,
    ):
        for scheme in ("light", "dark"):
            take(browser, gateway, scheme)
    return 0


def take(browser: Browser, gateway: GatewayProcess, scheme: str) -> None:
    """Take all images in one color scheme."""
    wide = enter(browser, gateway, viewport=WIDE, color_scheme=scheme)
    shoot(wide, f"models-{scheme}")
    paint(wide, "10", "34", "33", BEST_SEED)
    shoot(wide, f"image-{scheme}")
    edit(wide)
    if scheme == "light":
        shoot(wide, "mask-light")
    else:
        wide.buy("Edit")
        rest(wide)
        shoot(wide, "compare-dark")
    wide.page.context.close()
    narrow = enter(browser, gateway, viewport=NARROW, color_scheme=scheme)
    shoot(narrow, f"narrow-form-{scheme}")
    paint(narrow, "33", BEST_SEED)
    narrow.page.locator("#panel-images").evaluate("node => node.scrollIntoView()")
    shoot(narrow, f"narrow-image-{scheme}")
    narrow.page.context.close()


def enter(browser: Browser, gateway: GatewayProcess, **options: object) -> Visitor:
    """Return a visitor who is in the studio."""
    visitor = visit(browser, gateway.url, **options)
    visitor.page.goto(visitor.url)
    visitor.page.evaluate(FONT)
    visitor.page.get_by_label("API key").fill(gateway.demo_key)
    visitor.page.get_by_role("button", name="Connect").click()
    expect(visitor.page.locator("#quote")).to_contain_text("credits")
    return visitor


def paint(visitor: Visitor, *seeds: str) -> None:
    """Make images, so that there is a history, and let the last one come to rest."""
    visitor.choose("stability.sd3-5-large-v1:0")
    visitor.option("Size", "3:2")
    visitor.page.get_by_text("Fine tuning").click()
    for seed in seeds:
        visitor.page.get_by_label("Seed", exact=True).fill(seed)
        visitor.make(PROMPT)
    visitor.page.get_by_text("Fine tuning").click()
    rest(visitor)


def edit(visitor: Visitor) -> None:
    """Paint a mask on the image that was made last."""
    visitor.choose("stability.stable-image-inpaint-v1:0")
    visitor.page.get_by_role("tab", name="Images").click()
    visitor.page.get_by_role("button", name="Edit this image").click()
    visitor.page.get_by_role("button", name="Paint a mask").click()
    visitor.prompt.fill("a balloon over the lake")
    box = visitor.mask.bounding_box()
    assert box is not None
    mouse = visitor.page.mouse
    for step, (x, y) in enumerate(
        ((0.44, 0.2), (0.5, 0.14), (0.58, 0.18), (0.54, 0.28), (0.47, 0.24))
    ):
        mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if step == 0:
            mouse.down()
    mouse.up()
    expect(visitor.quote).to_contain_text("1.12")


def rest(visitor: Visitor) -> None:
    """Wait for the end of all animations."""
    visitor.page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")


def shoot(visitor: Visitor, name: str) -> None:
    """Save what is seen of the page, in few colors: that spares two thirds of the bytes."""
    IMAGES.mkdir(exist_ok=True)
    visitor.page.mouse.move(0, 0)
    with Image.open(BytesIO(visitor.page.screenshot())) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
        few.save(IMAGES / f"playground-{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
