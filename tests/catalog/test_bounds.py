"""Each field has a maximum size in bytes, so that no object can fill the shared catalog."""

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import pytest
from pydantic import AfterValidator, BaseModel, Field, JsonValue

from tests.catalog.samples import fault
from tintype_catalog.bundle import pack
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.contract import AtMostBytes, Contract
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_testing.manifests import changed, image_model

LARGEST_OBJECT = 100 * 1024
"""In bytes of a catalog's JSON: a catalog has room for hundreds of the largest possible objects."""

BYTES_PER_CHARACTER = 12
"""Of a character that JSON writes as two escapes."""


class OpenFieldError(Exception):
    """A field can be of any size."""


def largest(annotation: Any, metadata: Sequence[Any], path: str) -> int:
    """Return the most bytes that a value of this type takes as JSON."""
    limits = [item for item in metadata if isinstance(item, annotated_types.MaxLen)]
    for validator in (item for item in metadata if isinstance(item, AfterValidator)):
        if isinstance(validator.func, AtMostBytes):
            return validator.func.bytes
    longest = min((limit.max_length for limit in limits), default=None)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return largest(arguments[0], [*arguments[1:], *metadata, *_constraints(arguments)], path)
    if origin is Literal:
        return max(len(json.dumps(value)) for value in arguments)
    if origin in (Union, UnionType):
        return max(largest(item, metadata, path) for item in arguments)
    if annotation in (bool, type(None), datetime.date):
        return len(json.dumps("2026-01-01"))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return 2 + sum(size for _, size in sizes(annotation, path))
    if annotation is int:
        return len(str(max(_numbers(metadata, path))))
    if longest is None or annotation is JsonValue:
        raise OpenFieldError(path)
    if annotation is str:
        return 2 + BYTES_PER_CHARACTER * longest if not _is_ascii(metadata) else 2 + longest
    if origin is tuple:
        return 2 + longest * (1 + largest(arguments[0], (), f"{path}[]"))
    if origin is dict:
        return 2 + longest * (2 + sum(largest(item, (), f"{path}[]") for item in arguments))
    raise OpenFieldError(path)


def sizes(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, int]]:
    """Yield the path of each field, and its greatest size with its name."""
    for name, field in model.model_fields.items():
        below = f"{path}.{name}".removeprefix(".")
        yield below, 4 + len(name) + largest(field.annotation, field.metadata, below)


def _constraints(arguments: Sequence[Any]) -> list[Any]:
    fields = [item for item in arguments[1:] if hasattr(item, "metadata")]
    return list(chain.from_iterable(field.metadata for field in fields))


def _numbers(metadata: Sequence[Any], path: str) -> Iterator[int]:
    found = [item for item in metadata if isinstance(item, annotated_types.Le)]
    if not found:
        raise OpenFieldError(path)
    for item in found:
        assert isinstance(item.le, int)
        yield item.le


def _is_ascii(metadata: Sequence[Any]) -> bool:
    """Whether the pattern of a text lets nothing but listed ASCII characters through."""
    patterns = [str(item.pattern) for item in metadata if getattr(item, "pattern", None)]
    literal = [re.sub(r"\[[^\]^][^\]]*\]|\\\.", "", pattern) for pattern in patterns]
    return any(pattern.isascii() and not re.search(r"[.\[\\]", pattern) for pattern in literal)


@pytest.mark.parametrize("spec", [ImageModelSpec, ProviderBindingSpec])
def test_every_field_is_bounded_in_bytes(spec: type[BaseModel]) -> None:
    assert sum(size for _, size in sizes(spec)) <= LARGEST_OBJECT


class Open(Contract):
    """What the walk must find."""

    text: str = ""
    numbers: Annotated[tuple[int, ...], Field(max_length=4)] = ()
    words: tuple[Annotated[str, Field(max_length=4)], ...] = ()
    anything: Annotated[dict[str, JsonValue], Field(max_length=4)] = {}


@pytest.mark.parametrize("name", list(Open.model_fields))
def test_an_open_field_is_found(name: str) -> None:
    field = Open.model_fields[name]

    with pytest.raises(OpenFieldError, match=name):
        largest(field.annotation, field.metadata, name)


ATTACKS: Mapping[str, Any] = {
    "defaults": {"seed": "x" * 1_300_000},
    "providerParameters": {
        f"p{parent}": [f"{child:064}".replace("0", "a", 1) for child in range(64)]
        for parent in range(64)
    },
}


@pytest.mark.parametrize("field", list(ATTACKS))
def test_an_object_that_is_too_large_is_refused_and_the_others_are_published(field: str) -> None:
    attack = {
        f"m{n}": changed(image_model(f"m{n}"), f"spec.{field}", ATTACKS[field]) for n in "1234"
    }

    catalog, problems = compile_manifests([*attack.values(), image_model("canvas")])

    pack(catalog, 1)
    assert [model.name for model in catalog.models] == ["canvas"]
    assert {(problem.name, problem.field) for problem in problems} == {
        (name, f"spec.{field}") for name in attack
    }
    assert "bytes as JSON (has " in fault(attack["m1"]).message
    assert len(str(fault(attack["m1"]))) < 200


def test_non_ascii_text_counts_as_the_catalog_writes_it() -> None:
    fits = changed(image_model(), "spec.defaults", {"quality": "\N{CAMERA}" * 600})
    exceeds = changed(image_model(), "spec.defaults", {"quality": "\N{CAMERA}" * 700})

    assert len(compile_manifests([fits]).catalog.models) == 1
    assert compile_manifests([exceeds]).catalog.models == ()
