"""`tintype gateway`: the data plane."""

import asyncio
import sys
from collections.abc import Sequence

from tintype_cli.flags import read_settings
from tintype_gateway import logs
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.server import serve
from tintype_gateway.settings import GatewaySettings
from tintype_kubernetes.errors import ConfigError

DESCRIPTION = (
    "Serve the OpenAI-compatible images API. The catalog comes from a folder of manifests, or from "
    "the ConfigMap of an operator; by default it is the starter catalog."
)


def main(argv: Sequence[str]) -> int:
    """Serve until a signal."""
    settings = read_settings(GatewaySettings, "tintype gateway", DESCRIPTION, argv)
    logs.configure(settings.log_level)
    try:
        asyncio.run(serve(settings))
    except (ConfigError, LedgerError, OSError, ValueError) as error:
        print(f"tintype gateway: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0
