"""What MkDocs is told beyond mkdocs.yml: pages outside of docs/, and links that leave it.

The same Markdown is read in the repository, where its links lead to files. MkDocs imports this
module in the environment of requirements/docs.txt, which has nothing of Tintype.
"""

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository that are pages of the site, and the page that each becomes."""

INSTEAD = {"README.md": "index.md", "charts/tintype/README.md": "reference/chart.md"}
"""Files of the repository that are no pages, and the page that says the same."""

_PARTS = re.compile(
    r"^```.*?^```|(?P<ticks>`+).*?(?P=ticks)|(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
"""Code, in which nothing is a link, and links."""


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages that are kept outside of docs/."""
    from mkdocs.structure.files import File

    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(
    markdown: str, /, *, page: "Page", config: "MkDocsConfig", files: "Files"
) -> str:
    """Rewrite the links of a page."""
    return relinked(markdown, page.file.src_uri)


def relinked(markdown: str, page: str) -> str:
    """Return the Markdown of a page with links as the site needs them.

    Links to files that the site does not have become their text and the path in the repository.

    Raises:
        FileNotFoundError: A link leads to nothing in the repository.
    """
    sources = {site: source for source, site in OUTSIDE.items()}
    folder = posixpath.dirname(sources.get(page, f"docs/{page}"))

    def replaced(found: re.Match[str]) -> str:
        target = found["target"]
        if found["ticks"] and markdown[markdown.rfind("\n", 0, found.start()) + 1] == "|":
            return found[0].replace("\\|", "|")  # GitHub wants the bar escaped, MkDocs does not
        if not target or re.match(r"[a-z]+:|#", target):
            return found[0]
        path, anchor = re.match(r"([^#]*)(.*)", target).groups()  # type: ignore[union-attr]
        source = posixpath.normpath(posixpath.join(folder, path))
        if not (ROOT / source).exists():
            raise FileNotFoundError(f"{page}: {target} leads to nothing")
        place = _place(source)
        if place is None:
            text = found["text"]
            return text if source in text else f"{text} (`{source}` in the repository)"
        relative = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"[{found['text']}]({relative}{anchor})"

    return _PARTS.sub(replaced, markdown)


def _place(source: str) -> str | None:
    """Return the path in the site of a file of the repository, None if the site has no such."""
    if source in OUTSIDE or source in INSTEAD:
        return OUTSIDE.get(source) or INSTEAD[source]
    return source.removeprefix("docs/") if source.startswith("docs/") else None
