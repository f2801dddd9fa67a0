"""`tintype jobkeys`: makes the Secret with the key that encrypts the requests of jobs."""

import argparse
import asyncio
import base64
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from tintype_cli.help import DONE, WRONG_CALL, CommandParser, command_parser
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import load_config
from tintype_kubernetes.errors import ConflictError, KubernetesError
from tintype_kubernetes.resources import SECRETS

KEY_BYTES = 32

EXIT_CODES = {
    0: DONE,
    1: "the cluster refused the request or is unreachable; standard error names the cause",
    2: WRONG_CALL,
}


def main(argv: Sequence[str]) -> int:
    """Create the Secret, or leave the one that exists; return 1 on failure."""
    arguments = build_parser().parse_args(argv)
    try:
        print(f"secret/{arguments.secret} {asyncio.run(_create(arguments))}")
    except KubernetesError as error:
        print(f"tintype jobkeys: {error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype jobkeys",
        "Make the keys that encrypt the requests of jobs.",
        example="tintype jobkeys create --secret tintype-job-keys",
        exit_codes=EXIT_CODES,
    )
    create = commands.add(
        "create",
        "create a Secret with a random key in the cluster, and never change one that exists",
        example="tintype jobkeys create --secret tintype-job-keys",
    )
    create.add_argument("--secret", required=True, metavar="NAME", help="the name of the Secret")
    create.add_argument(
        "--key", default="keys", metavar="KEY", help="the key in the Secret (default: keys)"
    )
    create.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="default: $KUBECONFIG, the pod's ServiceAccount, or ~/.kube/config",
    )
    return parser


async def _create(arguments: argparse.Namespace) -> str:
    """Return what became of the Secret."""
    config = load_config(arguments.kubeconfig)
    line = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": arguments.secret, "namespace": config.namespace},
        "stringData": {arguments.key: line},
    }
    async with connect(config) as client:
        try:
            await client.create(SECRETS, secret)
        except ConflictError:
            return "exists"
    return "created"
