"""Chromium, as the tests run it."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from tests.playground import refuse_netlink
from tintype_testing.requirements import missing

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell is first: it has no window to draw, and takes two thirds of the CPU time."""

HINT = "install it, such as by `apt-get install chromium-headless-shell`"


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run the browser within the block; without it the test is `missing` it.

    It hears of no change of the network: whenever a pod of a node beside gets an interface, it
    would break off the connections that it is about to make.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing(f"no chromium: {HINT}")
    command = shlex.join([sys.executable, "-E", "-S", refuse_netlink.__file__, found])
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder, "chromium")
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o700)
        browser = playwright.chromium.launch(executable_path=script, args=["--no-sandbox"])
        yield browser
        browser.close()
