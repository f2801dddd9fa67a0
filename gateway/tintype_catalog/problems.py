"""The problems of objects, for their authors."""

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
    "HeaderNotAllowed",
    "ConfigMapNotFound",
    "ConfigMapKeyMissing",
    "EndpointNotAllowed",
]


class Problem(Contract):
    """One problem of one object, which keeps its current revision out of the catalog."""

    kind: str
    """The kind of the object."""

    name: str
    """The name of the object."""

    field: str
    """The path of the invalid field, such as `spec.pricing.prices`."""

    message: str
    """The problem, and the allowed values."""

    reason: Reason = "Invalid"
    """The reason of the condition that reports it."""

    condition: ConditionType = "Accepted"
    """The condition that becomes False."""

    @override
    def __str__(self) -> str:
        return f"{self.kind}/{self.name}: {self.field}: {self.message}"
