"""`tintype gateway`: serves the images API."""

import asyncio
import os
import sys
from collections.abc import Sequence

from tintype_cli.flags import settings_of, settings_parser
from tintype_cli.help import WRONG_SETTING, CommandParser, texts
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.observability.spans import tracing
from tintype_gateway.runtime.allocator import tune_allocator
from tintype_gateway.server import serve
from tintype_gateway.settings import GatewaySettings
from tintype_kubernetes.errors import ConfigError
from tintype_logging import logs
from tintype_logging.logs import leaves

PROGRAM = "tintype gateway"

HELP = texts(
    "Serve the OpenAI-compatible images API. The catalog comes from a folder of manifests, or from "
    "the ConfigMap of an operator; by default it is the starter catalog.",
    example="tintype gateway --simulate --demo\n"
    "tintype gateway --catalog-dir my-catalog/ --credentials-dir credentials/",
    exit_codes={
        0: "SIGINT or SIGTERM stopped it, after its requests were finished",
        1: "it cannot serve because of a port, a folder, the ledger or the cluster; standard error "
        "names the cause",
        2: WRONG_SETTING,
        130: "a second signal stopped it before its requests were finished",
    },
)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM."""
    settings = settings_of(GatewaySettings, build_parser().parse_args(argv), PROGRAM)
    logs.configure(settings.log_level)
    tune_allocator()
    code = 0
    try:
        with tracing(os.environ):
            asyncio.run(serve(settings))
    except* (ConfigError, LedgerError, OSError, ValueError) as errors:
        for error in leaves(errors):
            print(f"{PROGRAM}: {error}", file=sys.stderr)
        code = 1
    except* (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    return code


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    return settings_parser(GatewaySettings, PROGRAM, HELP)
