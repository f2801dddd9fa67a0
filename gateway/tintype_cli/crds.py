"""`tintype crds`: the CustomResourceDefinitions, as files and in a cluster."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

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
"""Who owns the definitions' fields, also those that Helm or kubectl created."""


def main(argv: Sequence[str]) -> int:
    """Write them into a folder, or apply them; return 1 where the cluster refuses."""
    parser = argparse.ArgumentParser(
        prog="tintype crds", description="Work with the CustomResourceDefinitions."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="write a file for each definition")
    write.add_argument("folder", type=Path, metavar="DIR", help="an existing folder")
    apply = commands.add_parser("apply", help="create or upgrade them in the cluster")
    apply.add_argument(
        "--kubeconfig", type=Path, help="by default it is found as kubectl and pods find theirs"
    )
    arguments = parser.parse_args(argv)
    if arguments.command == "apply":
        return _apply(arguments.kubeconfig)
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    for name, text in crd_yaml().items():
        (arguments.folder / name).write_text(text)
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
