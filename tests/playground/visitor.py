"""Somebody who uses the playground: finds things by what they are called, as people do."""

import re
from dataclasses import dataclass, field

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, Request, expect

WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
window.states = [];
new MutationObserver((changes) => {
  for (const { target } of changes) window.states.push(target.dataset.state);
}).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
"""
"""Runs before the page does: notes what its policy forbade, and through which states images
went, which may be gone before anybody looks."""


ACTION_MILLISECONDS = 120_000
"""How long a click or a page may take; by default 30 s, which a loaded machine exceeds."""


@dataclass
class Visitor:
    """A page in a browser, and what it complained of."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Open the page."""
        self.page.goto(self.url)

    def connect(self, key: str) -> None:
        """Open the page and give it a key."""
        self.open()
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Connect").click()

    def enter(self, key: str) -> None:
        """Connect, and wait for the studio."""
        self.connect(key)
        expect(self.prompt).to_be_visible()

    @property
    def prompt(self) -> Locator:
        return self.page.get_by_role("textbox", name=re.compile("^Prompt"))

    @property
    def count(self) -> Locator:
        """How many images are wanted."""
        return self.page.get_by_role("spinbutton", name="Images")

    @property
    def cards(self) -> Locator:
        return self.page.locator(".card")

    @property
    def images(self) -> Locator:
        """The finished images of the run that is shown."""
        return self.page.locator(".plate[data-state=done]")

    @property
    def status(self) -> Locator:
        return self.page.locator("#status")

    @property
    def problem(self) -> Locator:
        return self.page.locator("#problem")

    def choose(self, model: str) -> None:
        """Choose a model by its id."""
        self.page.get_by_role("tab", name="Models").click()
        self.page.locator(".card", has=self.page.get_by_text(model, exact=True)).click()

    def option(self, group: str, name: str) -> None:
        """Choose one of a few."""
        choice = self.page.get_by_role("group", name=group, exact=True)
        choice.get_by_label(name, exact=True).check()

    def do(self, operation: str) -> None:
        """Choose what the model shall do."""
        self.option("Operation", operation)

    def add_images(self, *files: FilePayload) -> None:
        """Choose images for the request."""
        self.page.get_by_label("Choose").set_input_files(files)

    @property
    def inputs(self) -> Locator:
        """The images of the request."""
        return self.page.locator("#input-list li")

    @property
    def mask(self) -> Locator:
        """Where the mask is painted."""
        return self.page.get_by_role("application", name="Mask of image 1")

    @property
    def quote(self) -> Locator:
        return self.page.locator("#quote")

    def buy(self, operation: str = "Generate") -> None:
        """Press the button, which is called like the operation, and wait for the end of it."""
        self.page.get_by_role("button", name=operation, exact=True).click()
        expect(self.status).to_contain_text("Done", timeout=120_000)

    def result(self) -> Image.Image:
        """Return the finished image that is shown, as the page offers it as a file."""
        with self.page.expect_download() as download:
            self.images.get_by_role("link", name="Download").click()
        with Image.open(download.value.path()) as image:
            image.load()
            return image

    def generate(self) -> None:
        self.page.get_by_role("button", name="Generate", exact=True).click()

    def make(self, prompt: str) -> None:
        """Ask for an image, and wait for the end of it."""
        self.prompt.fill(prompt)
        self.generate()
        expect(self.status).to_contain_text("Done", timeout=120_000)

    def states(self) -> list[str]:
        """Return the states that images went through so far."""
        return list(self.page.evaluate("window.states"))

    def too_wide(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def visit(browser: Browser, url: str, **options: object) -> Visitor:
    """Return a visitor whose browser knows nothing of others. The options are Playwright's."""
    context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(ACTION_MILLISECONDS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_init_script(WATCH)
    visitor = Visitor(context.new_page(), f"{url}/")
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on("console", lambda message: _hear(visitor, message.type, message.text))
    visitor.page.on("requestfailed", lambda request: _miss(visitor, request))
    return visitor


def _miss(visitor: Visitor, request: Request) -> None:
    """Note a part of the page that could not be loaded."""
    if request.resource_type in {"script", "stylesheet"}:
        visitor.complaints.append(f"{request.url}: {request.failure}")


def _hear(visitor: Visitor, kind: str, text: str) -> None:
    """Note warnings and errors, but not that a response had another status than 200."""
    if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
        visitor.complaints.append(text)
