"""`tintype catalog check`: reports all problems of a folder of manifests, without a cluster."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tintype_catalog.catalog import Catalog
from tintype_catalog.checks import endpoint_warning
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.price_changes import next_change, price_at
from tintype_catalog.problems import Problem
from tintype_cli.help import WRONG_CALL, CommandParser, command_parser
from tintype_gateway.accounts_folder.checks import errors_in, warnings_in
from tintype_gateway.accounts_folder.manifests import AccountsManifests, parse_manifests
from tintype_gateway.catalog.folder import FolderError, is_of_accounts, read_manifests

EXIT_CODES = {
    0: "all manifests are valid",
    1: "a manifest is invalid, there is none, or the folder cannot be read; standard error names "
    "each problem",
    2: WRONG_CALL,
}


def main(argv: Sequence[str]) -> int:
    """Return 0 if all manifests of the folder are valid, otherwise 1."""
    return _check(build_parser().parse_args(argv).folder)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    example = "tintype catalog check my-catalog/"
    parser, commands = command_parser(
        "tintype catalog",
        "Work with a catalog.",
        example=example,
        exit_codes=EXIT_CODES,
    )
    check = commands.add("check", "report every problem of a folder of manifests", example=example)
    check.add_argument("folder", type=Path, metavar="DIR", help="the folder with the manifests")
    return parser


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
    manifests = [manifest for _, manifest in found]
    compilation = compile_manifests(each for each in manifests if not is_of_accounts(each))
    accounts = parse_manifests(each for each in manifests if is_of_accounts(each))
    problems = (*compilation.problems, *accounts.problems, *errors_in(accounts))
    for problem in problems:
        print(f"{files[problem.kind, problem.name]}: {problem}", file=sys.stderr)
    if problems:
        return 1
    if not found:
        print(f"{folder} holds no manifest of Tintype", file=sys.stderr)
        return 1
    models = [model.id for model in compilation.catalog.models]
    for warning in (*_warnings(compilation.catalog), *warnings_in(accounts, models)):
        place = f"{files[warning.kind, warning.name]}: {warning.kind}/{warning.name}"
        print(f"{place}: warning: {warning.field}: {warning.message}", file=sys.stderr)
    _print_coming_prices(compilation.catalog)
    print(f"{_counted(compilation.catalog, accounts)} are sound.")
    return 0


def _warnings(catalog: Catalog) -> Iterator[Problem]:
    """Yield what is valid in the catalog, and likely a mistake."""
    for binding in catalog.bindings:
        prefix = binding.api.path_prefix if binding.api else None
        if warning := endpoint_warning(binding.dialect, binding.endpoint, prefix):
            yield Problem(
                kind="ProviderBinding", name=binding.name, field="spec.endpoint", message=warning
            )


def _print_coming_prices(catalog: Catalog) -> None:
    now = datetime.now(UTC)
    for binding in catalog.bindings:
        if coming := next_change(binding.price_changes, now):
            current = price_at(binding.pricing, binding.price_changes, now)
            print(f"{binding.name}: {current}, and from {coming.valid_from} on {coming}")


def _counted(catalog: Catalog, accounts: AccountsManifests) -> str:
    found: list[tuple[int, str]] = [
        (len(catalog.models), "model"),
        (len(catalog.bindings), "binding"),
    ]
    if accounts.accounts or accounts.keys or accounts.grants:
        found += [
            (len(accounts.accounts), "account"),
            (len(accounts.keys), "key"),
            (len(accounts.grants), "grant"),
        ]
    counts = [f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in found]
    return f"{', '.join(counts[:-1])} and {counts[-1]}"
