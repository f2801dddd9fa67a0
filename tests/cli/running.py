"""Commands as processes, and the images that they save."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tintype_testing.cluster.processes import run_tintype
from tintype_testing.gateway_process import GatewayProcess, clean_environ

TINTYPE = (sys.executable, "-m", "tintype_cli")

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs a command by its words, and further variables of the environment."""


def commands_for(gateway: GatewayProcess, folder: Path) -> Run:
    """Return what runs `tintype` in a folder, with the key of a gateway's demo account."""

    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        given = {"TINTYPE_API_KEY": gateway.demo_key, "TINTYPE_BASE_URL": gateway.url}
        return run_tintype(*arguments, environ=clean_environ() | given | environ, folder=folder)

    return run


def opened(path: Path) -> tuple[str | None, tuple[int, int]]:
    """Return the format and the size of an image."""
    with Image.open(path) as image:
        image.load()
        return image.format, image.size
