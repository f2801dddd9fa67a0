"""What is wrong with an object, said so that its author can repair it."""

from typing import Literal

from typing_extensions import override

from tintype_catalog.contract import Contract

ConditionType = Literal["Accepted", "ResolvedRefs"]

Reason = Literal[
    "Invalid",
    "DuplicateId",
    "Unpriced",
    "ModelNotFound",
    "SecretNotFound",
    "SecretKeyMissing",
    "EndpointNotAllowed",
]


class Problem(Contract):
    """One fault of one object. Such an object does not enter the catalog as it stands."""

    kind: str
    """The kind of the object."""

    name: str
    """The name of the object."""

    field: str
    """The path of the field at fault, such as `spec.pricing.prices`."""

    message: str
    """What is wrong with it, and what is allowed."""

    reason: Reason = "Invalid"
    """The reason of the condition that reports it."""

    condition: ConditionType = "Accepted"
    """The condition that it makes False."""

    @override
    def __str__(self) -> str:
        return f"{self.kind}/{self.name}: {self.field}: {self.message}"
