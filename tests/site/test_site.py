"""The site has every page, loads nothing from other hosts, and finds what is searched for."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Page
from typing_extensions import override

from tests.playground.chromium import running_chromium
from tests.site.conftest import ROOT, build

BROKEN = {
    "a link to no page": ({"index.md": "[x](nothing.md)"}, "nothing.md"),
    "a link to no heading": ({"index.md": "# A\n\n[x](#b)"}, "#b"),
    "a heading of another page": ({"index.md": "[x](a.md#b)", "a.md": "# A"}, "#b"),
    "a page outside of the navigation": ({"index.md": "# A", "lost.md": "# B"}, "lost.md"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The configuration of the site for a folder of pages that is still to be filled."""
    own = {"INHERIT": str(ROOT / "mkdocs.yml"), "hooks": [], "nav": [{"Home": "index.md"}]}
    (tmp_path / "docs").mkdir()
    for name in ("flow.svg", "site.css"):
        (tmp_path / "docs" / name).touch()
    config = tmp_path / "mkdocs.yml"
    config.write_text(yaml.safe_dump(own))
    return config


@pytest.mark.parametrize("case", BROKEN)
def test_the_build_fails_for(case: str, project: Path, tmp_path: Path) -> None:
    pages, named = BROKEN[case]
    nav = [{name: name} for name in pages if name != "lost.md"]
    project.write_text(yaml.safe_dump(yaml.safe_load(project.read_text()) | {"nav": nav}))
    for name, text in pages.items():
        (project.parent / "docs" / name).write_text(text)

    built = build(project, tmp_path / "out")

    assert built.returncode == 1
    assert named in built.stdout + built.stderr


def test_no_page_is_in_the_navigation_twice() -> None:
    named = re.findall(r"^ +- .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)

    assert "get-started.md" in named
    assert [name for name, count in Counter(named).items() if count > 1] == []


def test_every_page_of_docs_is_built(site: Path) -> None:
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")}

    assert pages
    assert {page for page in pages if not (site / page).is_file()} == set()
    assert {"changelog.html", "contributing.html", "security.html"} <= {
        path.name for path in site.glob("*.html")
    }


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loading = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"' >]+)"
        r"|<link\b[^>]*\bhref=[\"']?((?:https?:)?//[^\"' >]+)"
    )
    style = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)")
    pages = {path: loading.findall(path.read_text()) for path in site.rglob("*.html")}
    styles = {path: style.findall(path.read_text()) for path in site.rglob("*.css")}

    assert pages
    assert styles
    assert {path: found for path, found in (pages | styles).items() if found} == {}


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that logs nothing."""

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    with running_chromium() as browser:
        yield browser.new_page()


def test_a_reader_finds_a_setting_without_any_other_host(page: Page, url: str) -> None:
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/index.html")

    page.get_by_role("textbox", name="Search").fill("TINTYPE_CORS_ORIGINS")
    page.locator(".md-search-result__link", has_text="Settings").first.click()

    page.wait_for_url("**/reference/settings.html*")
    assert page.get_by_text("TINTYPE_CORS_ORIGINS").first.is_visible()
    assert hosts == {urlsplit(url).netloc}
    assert errors == []
