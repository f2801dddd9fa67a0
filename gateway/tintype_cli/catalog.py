"""`tintype catalog check`: every fault of a folder of manifests, before a cluster sees it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tintype_catalog.compiler import compile_manifests
from tintype_gateway.catalog.folder import FolderError, read_manifests


def main(argv: Sequence[str]) -> int:
    """Return 0 where the folder is sound, 1 where it is not."""
    parser = argparse.ArgumentParser(prog="tintype catalog", description="Work with a catalog.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="name every problem of a folder of manifests")
    check.add_argument("folder", type=Path, metavar="DIR", help="the folder")
    return _check(parser.parse_args(argv).folder)


def _check(folder: Path) -> int:
    try:
        found = read_manifests(folder)
    except FolderError as error:
        print(error, file=sys.stderr)
        return 1
    files: dict[tuple[str, str], Path] = {}
    for path, manifest in found:
        metadata = manifest.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        files[str(manifest.get("kind")), str(name)] = path
    compilation = compile_manifests(manifest for _, manifest in found)
    for problem in compilation.problems:
        print(f"{files[problem.kind, problem.name]}: {problem}", file=sys.stderr)
    if compilation.problems:
        return 1
    if not found:
        print(f"{folder} holds no ImageModel and no ProviderBinding", file=sys.stderr)
        return 1
    catalog = compilation.catalog
    print(f"{len(catalog.models)} models and {len(catalog.bindings)} bindings are sound.")
    return 0
