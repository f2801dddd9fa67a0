"""`tintype operator`: the control plane."""

from collections.abc import Sequence

from tintype_cli.flags import read_settings
from tintype_operator.run import run
from tintype_operator.settings import Settings

DESCRIPTION = (
    "Compile the ImageModels and ProviderBindings of a namespace into the ConfigMap that gateways "
    "read, and report on each of them in its status."
)


def main(argv: Sequence[str]) -> int:
    """Serve until a signal."""
    return run(read_settings(Settings, "tintype operator", DESCRIPTION, argv))
