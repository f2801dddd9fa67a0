"""A task of a provider that accepts a call first, and tells by polls when there is a result."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class TaskCancel:
    """The request that cancels a task. It has no body."""

    method: Literal["POST", "PUT"]
    url: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task that a provider has accepted. Its URLs are the provider's own words, unchecked."""

    id: str
    """The provider's own id of the task, for logs."""

    status_url: str = field(repr=False)
    """The URL that is polled."""

    cancel: TaskCancel | None = field(default=None, repr=False)
    """How the task is cancelled; None where the provider has no way."""

    cost_usd: Decimal | None = None
    """The cost that the provider named when it accepted the task."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The task has not ended, or is in a state that the dialect does not know."""

    retry_after_seconds: int | None = None
    """The time before which the provider wants no further poll, where a response says so other than
    by `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Done:
    """The task has ended, and there is a result."""

    result_url: str | None = field(default=None, repr=False)
    """The URL of the result; None where the response that said so is the result itself."""
