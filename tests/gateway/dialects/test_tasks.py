"""What the catalog says of the tasks of a dialect is what the dialect does."""

import pytest

from tests.gateway.dialects.examples import EXAMPLES
from tintype_catalog.operations import FEATURES
from tintype_catalog.providers import Dialect
from tintype_catalog.tasks import TASKS
from tintype_gateway.dialects.registry import mask_convention, supports
from tintype_testing.builders import binding

SPECS = {example.name: example.spec for example in EXAMPLES}

EDITS = [
    (dialect, task, row.takes_mask)
    for dialect, operations in TASKS.items()
    for name in ("edit", "variation")
    for task, row in operations.get(name, {}).items()
]


@pytest.mark.parametrize("dialect", list(TASKS))
def test_a_dialect_has_the_operations_that_the_catalog_knows(dialect: Dialect) -> None:
    able = {operation for operation in FEATURES if supports(dialect, operation)}

    assert able == TASKS[dialect].keys()


@pytest.mark.parametrize(("dialect", "task", "takes_mask"), EDITS)
def test_a_dialect_reads_a_mask_where_the_catalog_allows_one(
    dialect: Dialect, task: str | None, takes_mask: bool
) -> None:
    reader = binding(dialect=dialect, endpoint="https://proxy.test", **SPECS[dialect])

    assert (mask_convention(reader, task) is not None) == takes_mask
