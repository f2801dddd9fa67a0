"""`tintype crds`: writes the CustomResourceDefinitions to files, or applies them to a cluster."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tintype_cli.help import DONE, WRONG_CALL, CommandParser, command_parser
from tintype_kubernetes.client import connect
from tintype_kubernetes.config import ClusterConfig, load_config
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import Resource
from tintype_operator.crd import crd_documents, crd_yaml

DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)

FIELD_MANAGER = "tintype-crds"
"""The field manager, which also takes the ownership of fields that Helm or kubectl created."""


EXIT_CODES = {
    0: DONE,
    1: "a file cannot be written, or the cluster refused the request or is unreachable; standard "
    "error names the cause",
    2: WRONG_CALL,
}


def main(argv: Sequence[str]) -> int:
    """Write the definitions into a folder, or apply them; return 1 on failure."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command == "apply":
        return _apply(arguments.kubeconfig)
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    return _write(arguments.folder)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype crds",
        "Work with the CustomResourceDefinitions.",
        example="tintype crds apply",
        exit_codes=EXIT_CODES,
    )
    write = commands.add(
        "write", "write a file for each definition", example="tintype crds write crds/"
    )
    write.add_argument("folder", type=Path, metavar="DIR", help="an existing folder")
    apply = commands.add(
        "apply",
        "create or upgrade the definitions in the cluster",
        example="tintype crds apply --kubeconfig ~/.kube/config",
    )
    apply.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="default: $KUBECONFIG, the pod's ServiceAccount, or ~/.kube/config",
    )
    return parser


def _write(folder: Path) -> int:
    try:
        for name, text in crd_yaml().items():
            (folder / name).write_text(text)
    except OSError as error:
        print(f"tintype crds: {error}", file=sys.stderr)
        return 1
    return 0


def _apply(kubeconfig: Path | None) -> int:
    try:
        asyncio.run(_apply_all(load_config(kubeconfig)))
    except KubernetesError as error:
        print(f"tintype crds: {error}", file=sys.stderr)
        return 1
    return 0


async def _apply_all(config: ClusterConfig) -> None:
    async with connect(config) as client:
        for document in crd_documents().values():
            await client.apply(DEFINITIONS, document, field_manager=FIELD_MANAGER)
            print(f"{document['metadata']['name']} applied")
