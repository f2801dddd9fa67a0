"""`tintype operator`: the control plane."""

from collections.abc import Sequence

from tintype_cli.flags import read_settings
from tintype_cli.help import WRONG_SETTING, texts
from tintype_operator.process.run import run
from tintype_operator.settings import Settings

HELP = texts(
    "Compile the ImageModels and ProviderBindings of a namespace into the ConfigMap that gateways "
    "read, and report on each of them in its status.",
    example="tintype operator --namespace images",
    exit_codes={
        0: "it was ended by SIGTERM",
        1: "it cannot serve: the cluster, its definitions or rights, a port; the log says why",
        2: WRONG_SETTING,
    },
)


def main(argv: Sequence[str]) -> int:
    """Serve until a signal."""
    return run(read_settings(Settings, "tintype operator", HELP, argv))
