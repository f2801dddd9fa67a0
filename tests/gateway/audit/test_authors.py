"""Whatever changes the ledger says who it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tintype_cli
import tintype_gateway

CHANGING = {
    *("create_account", "ensure_account", "put_account", "release_account", "set_policy"),
    *("set_budgets", "grant", "adjust", "put_grant"),
    *("create_key", "put_key", "set_key_expiry", "rotate_key", "revoke_key"),
}


def calls(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield each call of a changing operation: its name, its line, and whether it has an author."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        receiver = ast.unparse(node.func.value)
        if node.func.attr in CHANGING and receiver.endswith("ledger"):
            yield node.func.attr, node.lineno, "author" in {word.arg for word in node.keywords}


@pytest.mark.parametrize("package", [tintype_cli, tintype_gateway])
def test_every_call_that_changes_the_ledger_names_its_author(package: object) -> None:
    files = sorted(Path(str(package.__file__)).parent.rglob("*.py"))  # type: ignore[attr-defined]
    found = [(file.name, *call) for file in files for call in calls(file)]

    assert [call for call in found if not call[-1]] == []
    assert len({name for _, name, _, _ in found}) > 5
