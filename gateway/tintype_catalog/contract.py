"""The base of every model in the contract, and the scalar types that they share."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from typing_extensions import override


class Contract(BaseModel):
    """A frozen value with camelCase JSON names that refuses unknown fields.

    The docstring of a field is its documentation in Python, in the CRD and in `kubectl explain`.
    Strict types make pydantic agree with the Kubernetes API server: neither accepts `"3"` or `true`
    as an integer.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    @override
    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return itself: pydantic would otherwise copy immutable defaults for every object."""
        return self


def cel(*rules: tuple[str, str]) -> ConfigDict:
    """Return the model configuration with CEL `(rule, message)` pairs for the API server."""
    checks: list[JsonValue] = [{"rule": rule, "message": message} for rule, message in rules]
    return ConfigDict(json_schema_extra={"x-kubernetes-validations": checks})


def filled(field: str) -> str:
    """Return the CEL for a list or map that is present and not empty."""
    return f"(has(self.{field}) && size(self.{field}) > 0)"


def described(expectation: str) -> WrapValidator:
    """Return a validator whose message says what a value must be, where a pattern would not.

    Args:
        expectation: The end of a sentence about the field, such as `must be an even number`.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            raise ValueError(expectation) from error

    return WrapValidator(validate)


@dataclass(frozen=True)
class AtMostBytes:
    """A validator for the total size of fields with nested or many values.

    All objects share one catalog, so that one very large object could prevent the publication of
    the others. A Kubernetes schema cannot limit a total size.
    """

    bytes: int
    """The largest size of the field's JSON in a catalog, which escapes non-ASCII characters."""

    def __call__(self, value: Any) -> Any:
        """Return the value.

        Raises:
            ValueError: The value is too large.
        """
        size = len(json.dumps(value, separators=(",", ":"), default=_content))
        if size > self.bytes:
            raise ValueError(f"must have at most {self.bytes} bytes as JSON (has {size})")
        return value


def _content(value: BaseModel) -> Any:
    """Return the JSON value of a model as a catalog has it."""
    return value.model_dump(mode="json", exclude_defaults=True)


ObjectName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)
]
"""The name of a Kubernetes object: a lower-case DNS subdomain."""

ModelId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", min_length=1, max_length=128)
]
"""The value of `model` in requests."""

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=64)]
"""A parameter's value, a feature, a region: one short token without spaces."""

Region = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", min_length=1, max_length=64)]
"""A provider's region: one label of a host name, so that it leads to no other domain."""

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", min_length=1, max_length=64)]
"""The name of a JSON field of a request."""

FieldPath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$", min_length=1, max_length=129
    ),
]
"""A JSON field of a request, or a sub-field of one: `textToImageParams.negativeText`."""

Tokens = Annotated[int, Field(ge=0, le=10_000_000)]
"""A count of tokens."""

UsDollars = Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,9})?$", max_length=16)]
"""An amount in USD as a decimal string, because a float cannot hold a price."""
