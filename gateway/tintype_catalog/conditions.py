"""The conditions of a status, as the Kubernetes API conventions define them for every kind."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from tintype_catalog.contract import Contract

MAX_MESSAGE_CHARACTERS = 4096
"""The longest message of a condition; longer messages are truncated."""

Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
"""A time as RFC 3339 in UTC, in whole seconds."""


def timestamp(moment: datetime) -> str:
    """Return a time as statuses have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Condition(Contract):
    """One aspect of an object's state, as in the Kubernetes API conventions."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """The aspect in one word, such as `Ready`: the object is in effect as it is described."""

    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""

    observed_generation: Annotated[int, Field(ge=0)]
    """The generation of the object that the condition describes."""

    last_transition_time: Timestamp
    """The time when `status` changed last."""

    reason: Annotated[str, Field(min_length=1, max_length=64)]
    """The reason as one word for programs."""

    message: Annotated[str, Field(max_length=MAX_MESSAGE_CHARACTERS)]
    """The reason for people, and what they can do."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=16,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]
"""One condition for each type, which other controllers may add to."""


class ObjectStatus(Contract):
    """What the statuses of all kinds have."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that the status describes."""

    conditions: Conditions = ()
    """One condition for each type."""

    def is_ready(self) -> bool:
        """Return whether the object is in effect as it is described."""
        return any(item.type == "Ready" and item.status == "True" for item in self.conditions)
