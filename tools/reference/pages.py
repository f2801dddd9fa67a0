"""The generated pages by their names."""

from pathlib import Path

from tools.reference import chart, commands, errors, metrics, resources, settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

NOTE = "\nThis page is generated from the code by `make reference`.\n"


def pages() -> dict[str, str]:
    """Return the text of each page of docs/reference."""
    parts = {
        "chart.md": chart.page(),
        "cli.md": commands.page(),
        "errors.md": errors.page(),
        "metrics.md": metrics.page(),
        "resources.md": resources.page(),
        "settings.md": settings.page(),
    }
    return {name: text + NOTE for name, text in parts.items()}
