"""Finds, or builds once, an S3 server: Versity's gateway, which keeps objects in a folder.

`python -m tintype_testing.s3_program` builds it ahead of the tests and prints its path.
"""

import os
import sys
from pathlib import Path

from tintype_testing.cluster.building import BuildError, GoModule

VERSITYGW = GoModule("github.com/versity/versitygw/cmd/versitygw", "v1.8.0")


class S3MissingError(Exception):
    """There is no S3 server and it cannot be built; the message says how to get it."""


def find_server() -> Path:
    """The program: `$VERSITYGW`, or one that is built (two minutes, once).

    Raises:
        S3MissingError: `$VERSITYGW` names no program, or Go is missing or failed.
    """
    if named := os.environ.get("VERSITYGW"):
        if not Path(named).is_file():
            raise S3MissingError(f"$VERSITYGW={named} is not there")
        return Path(named)
    try:
        return VERSITYGW.build()
    except BuildError as error:
        raise S3MissingError(
            "no S3 server to test with: install Go (https://go.dev/dl), which builds one once, or "
            f"let $VERSITYGW name one (https://github.com/versity/versitygw/releases). {error}"
        ) from error


def is_built() -> bool:
    """Whether `find_server` returns at once."""
    return bool(os.environ.get("VERSITYGW")) or VERSITYGW.program.exists()


if __name__ == "__main__":
    try:
        print(find_server())
    except S3MissingError as error:
        sys.exit(str(error))
