"""Finds, or builds once, the program `actionlint`, which checks workflows of GitHub Actions.

`python -m tintype_testing.actionlint` builds it ahead of the tests and prints its path.
"""

import shutil
import sys
from pathlib import Path

from tintype_testing.cluster.building import BuildError, GoModule

ACTIONLINT = GoModule("github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12")


class ActionlintMissingError(Exception):
    """actionlint is missing and cannot be built; the message says how to install it."""


def find_actionlint() -> Path:
    """The program: that on the PATH, or one that is built (half a minute, once).

    Raises:
        ActionlintMissingError: Go is missing or failed.
    """
    if found := shutil.which("actionlint"):
        return Path(found)
    try:
        return ACTIONLINT.build()
    except BuildError as error:
        raise ActionlintMissingError(
            "no actionlint to check the workflows with: install it "
            f"(https://github.com/rhysd/actionlint), or Go, which builds one once. {error}"
        ) from error


if __name__ == "__main__":
    try:
        print(find_actionlint())
    except ActionlintMissingError as error:
        sys.exit(str(error))
