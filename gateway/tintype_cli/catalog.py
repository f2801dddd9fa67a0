"""`tintype catalog check`: reports all problems of a folder of manifests, without a cluster."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tintype_catalog.checks import endpoint_warning
from tintype_catalog.compiler import compile_manifests
from tintype_cli.help import WRONG_CALL, command_parser
from tintype_gateway.catalog.folder import FolderError, read_manifests

EXIT_CODES = {
    0: "all manifests are valid",
    1: "a manifest is invalid, there is none, or the folder cannot be read; standard error names "
    "each problem",
    2: WRONG_CALL,
}


def main(argv: Sequence[str]) -> int:
    """Return 0 if all manifests of the folder are valid, otherwise 1."""
    example = "tintype catalog check my-catalog/"
    parser, commands = command_parser(
        "tintype catalog",
        "Work with a catalog.",
        example=example,
        exit_codes=EXIT_CODES,
    )
    check = commands.add("check", "report every problem of a folder of manifests", example=example)
    check.add_argument("folder", type=Path, metavar="DIR", help="the folder with the manifests")
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
    for binding in catalog.bindings:
        prefix = binding.api.path_prefix if binding.api else None
        if warning := endpoint_warning(binding.dialect, binding.endpoint, prefix):
            place = f"{files['ProviderBinding', binding.name]}: ProviderBinding/{binding.name}"
            print(f"{place}: warning: spec.endpoint: {warning}", file=sys.stderr)
    print(f"{len(catalog.models)} models and {len(catalog.bindings)} bindings are sound.")
    return 0
