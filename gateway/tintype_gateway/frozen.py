"""Dataclasses that are frozen for the type checker, and plain at run time.

A request makes some thirty values with 150 fields. The `__init__` of a dataclass that is frozen at
run time calls `object.__setattr__` for each field, which takes several times as long as an
assignment. Mypy refuses an assignment to a field either way.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["frozen_value"]

Class = TypeVar("Class", bound=type)

if TYPE_CHECKING:
    from dataclasses import dataclass as frozen_value
else:

    def frozen_value(*, frozen: bool, **options: Any) -> Callable[[Class], Class]:
        """Make a dataclass of values: equal and with the same hash if their fields are equal.

        Takes the options of `dataclasses.dataclass`. `frozen` must be true: the type checker reads
        it.
        """
        if not frozen:
            raise TypeError("a value is frozen")
        return dataclasses.dataclass(unsafe_hash=True, **options)
