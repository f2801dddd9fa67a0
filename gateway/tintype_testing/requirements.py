"""The requirements of tests; without them a message says how to install them."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it if `CI` is `true`."""
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
