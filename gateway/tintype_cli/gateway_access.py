"""What the commands that ask a gateway share: its URL, the key, and the codes of failures."""

import argparse
import os
import sys
from collections.abc import Callable

from tintype_cli.form import FileChangedError
from tintype_cli.http_client import ApiError, Gateway, UnreachableError

NOT_YET = 3
"""The exit code where a gateway gave no answer, but may give it later."""

DEFAULT_URL = "http://127.0.0.1:8080"


def add_url(parser: argparse.ArgumentParser) -> None:
    """Add the flag `--url`."""
    parser.add_argument(
        "--url",
        default=os.environ.get("TINTYPE_BASE_URL", DEFAULT_URL),
        help=f"the URL of the gateway; default: TINTYPE_BASE_URL or {DEFAULT_URL}",
    )


def ask_gateway(
    parser: argparse.ArgumentParser, url: str, work: Callable[[Gateway], int], payer: str = "pays"
) -> int:
    """Return the exit code of what is done with a gateway, 1, 3 or 130 where it cannot be done.

    The parser reports a missing key; `payer` says what its account does.
    """
    key = os.environ.get("TINTYPE_API_KEY")
    if not key:
        parser.error(f"set TINTYPE_API_KEY to the key of the account that {payer}")
    try:
        return work(Gateway(url, key))
    except UnreachableError as error:
        print(f"{parser.prog}: {url}: {error}", file=sys.stderr)
        return NOT_YET
    except (ApiError, FileChangedError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
