"""Commands as processes, and the images that they save."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

TINTYPE = (sys.executable, "-m", "tintype_cli")

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs a command by its words, and further variables of the environment."""


def opened(path: Path) -> tuple[str | None, tuple[int, int]]:
    """Return the format and the size of an image."""
    with Image.open(path) as image:
        image.load()
        return image.format, image.size
