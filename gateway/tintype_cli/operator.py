"""`tintype operator`: compiles resources into the catalog of the gateways."""

from collections.abc import Sequence

from tintype_cli.flags import settings_of, settings_parser
from tintype_cli.help import WRONG_SETTING, CommandParser, texts
from tintype_operator.settings import Settings

PROGRAM = "tintype operator"

HELP = texts(
    "Compile the ImageModels and ProviderBindings of a namespace into the ConfigMap that gateways "
    "read, and report on each of them in its status.",
    example="tintype operator --namespace images",
    exit_codes={
        0: "SIGTERM stopped it",
        1: "it cannot work because of the cluster, a missing definition or permission, or a port; "
        "the log names the cause",
        2: WRONG_SETTING,
    },
)


def main(argv: Sequence[str]) -> int:
    """Run until SIGTERM."""
    settings = settings_of(Settings, build_parser().parse_args(argv), PROGRAM)
    from tintype_operator.process.run import run  # kopf, which an environment may lack

    return run(settings)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    return settings_parser(Settings, PROGRAM, HELP)
