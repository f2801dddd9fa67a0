"""All parsers of the program, for what reads them: completion scripts and the manual page."""

from importlib import import_module

from tintype_cli.__main__ import COMMANDS
from tintype_cli.help import CommandParser, Commands

DESCRIPTION = "The image-generation gateway for Kubernetes."

EXAMPLE = "tintype gateway --simulate --demo"

EXIT_CODES = {
    0: "success",
    1: "the command failed",
    2: "the arguments are wrong",
}


def program_parser() -> CommandParser:
    """Return the parser of `tintype` with those of all commands.

    It imports all of them, so that only what needs them all calls it. A command whose packages are
    not installed is left out: the images of gateway and operator each have the packages of one.
    """
    parser = CommandParser(
        prog="tintype", description=DESCRIPTION, example=EXAMPLE, exit_codes=EXIT_CODES
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = Commands(parser)
    for name, summary in COMMANDS.items():
        if command := _command(name):
            commands.attach(name, summary, command)
    return parser


def _command(name: str) -> CommandParser | None:
    try:
        module = import_module(f"tintype_cli.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tintype_"):
            raise
        return None
    made: CommandParser = module.build_parser()
    return made
