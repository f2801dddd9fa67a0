"""How servers that are written with FastAPI say that they refuse a request."""

from tintype_simulator.dialect import json_response
from tintype_simulator.servers.bodies import Refused


def refused(problem: object, status: int = 400) -> Refused:
    """Return a response with a `detail`, which is a text or a list."""
    return Refused(json_response({"detail": problem}, status))


def invalid(field: str, problem: str, kind: str = "value_error") -> Refused:
    """Return the response to a body that does not fit the schema."""
    return refused([{"type": kind, "loc": ["body", field], "msg": problem, "input": None}], 422)


def missing(field: str) -> Refused:
    """Return the response to a body without a field that it must have."""
    return invalid(field, "Field required", "missing")
