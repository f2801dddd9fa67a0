"""The program `tintype`: calls the module of the subcommand."""

import sys
from collections.abc import Sequence
from importlib import import_module

from tintype_catalog.__about__ import __version__

COMMANDS = {
    "gateway": "serve the images API",
    "operator": "compile the cluster's resources into the catalog of the gateways",
    "simulator": "serve simulated providers",
    "generate": "request images, and save them",
    "edit": "change images, and save the results",
    "vary": "request images that are like another one, and save them",
    "jobs": "list, show, cancel and await requests in the background",
    "catalog": "check a folder of manifests",
    "crds": "write or apply the CustomResourceDefinitions",
    "ledger": "audit, archive, back up and restore the ledger, and migrate its database",
    "accounts": "create, fund, limit, suspend and list accounts",
    "keys": "create, register, list, rotate and revoke API keys",
    "grants": "grant credits once for good, by a reference",
    "audit": "show who changed what, and forget what is old",
    "usage": "sum up charges by account, key, user, model and day",
    "jobkeys": "make the key that encrypts the requests of jobs",
    "webhooks": "list webhooks, send them again, and try their receiver",
    "doctor": "check a running installation, and say what to do",
    "completion": "print the script that completes commands and flags in a shell",
}


USAGE = """\
usage: tintype COMMAND ...

The image-generation gateway for Kubernetes.

commands:
{commands}

`tintype COMMAND --help` lists the arguments of a command, an example and its exit codes.

example:
  tintype gateway --simulate --demo

exit codes:
  0    success
  1    the command failed
  2    the arguments are wrong"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code: 2 for wrong arguments."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    match arguments:
        case ["-V" | "--version"]:
            print(f"tintype {__version__}")
            return 0
        case [] | ["-h" | "--help"]:
            print(_usage())
            return 0
        case [command, *rest] if command in COMMANDS:
            code: int = import_module(f"tintype_cli.{command}").main(rest)
            return code
    print(f"tintype: there is no command {arguments[0]!r}\n\n{_usage()}", file=sys.stderr)
    return 2


def _usage() -> str:
    lines = "\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items())
    return USAGE.format(commands=lines)


if __name__ == "__main__":
    sys.exit(main())
