"""What a test needs of the machine: where it is missing the test says how to get it."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test; where `CI` is `true` nothing may be skipped, so it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def require(tool: str, hint: str) -> str:
    """Return the path of a program; without it the test is `missing` it, and tells the hint.

    Servers may be where only the administrator's PATH leads.
    """
    path = shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        missing(f"{tool} is not installed: {hint}")
    return path
