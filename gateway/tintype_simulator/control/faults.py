"""Scripted faults: how a test makes the simulator fail once, in a given way.

A fault is a JSON object. A request carries its own in the header `X-Simulator-Fault`. A list
that is `PUT` to `/_simulator/faults` applies to the next requests in turn (`{}` lets one
pass). All fields are optional:

==================  ===============================================================================
`error`             a row of a provider's table of errors, such as `openai/rate_limit_exceeded`
`status`, `body`    any other response; a text is sent as an HTML page, everything else as JSON
`headers`           headers added to the response, such as `{"retry-after-ms": "200"}`
`delay_seconds`     waits before it responds
`hang`              `true`: does not respond while the client waits
`cut_after_bytes`   closes the connection after this many bytes of the body
`after_frames`      lets this many events of a stream pass, then sends the error as its last one
`damage`            damages the JSON of a good response, or of every event of a stream:
                    `truncated_base64`, `malformed_json`, `empty_data` or `wrong_types`
==================  ===============================================================================

Everything but `error` with `status` or `body` may be combined.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tintype_simulator.dialect import SimulatedResponse, json_response

FAULT_HEADER = "X-Simulator-Fault"
"""The request header that carries one fault."""

HANG_SECONDS = 3600.0
"""A hang ends when the client leaves, which every client does long before this."""

LONG_TEXT_CHARACTERS = 1000
"""Longer texts are images: the prompts that tests send are shorter."""

FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "error": (str,),
    "status": (int,),
    "body": (object,),
    "headers": (dict,),
    "delay_seconds": (int, float),
    "hang": (bool,),
    "cut_after_bytes": (int,),
    "after_frames": (int,),
    "damage": (str,),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; by default nothing."""

    response: SimulatedResponse | None = None
    """Sent in place of the provider's response."""

    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    cut_after_bytes: int | None = None
    after_frames: int | None = None
    damage: str | None = None
    """A key of `DAMAGES`."""


def with_leaves(value: object, change: Callable[[object], object]) -> object:
    """Return a JSON value with everything changed that is neither an object nor a list."""
    match value:
        case dict():
            return {key: with_leaves(part, change) for key, part in value.items()}
        case list():
            return [with_leaves(part, change) for part in value]
        case _:
            return change(value)


def truncated_base64(leaf: object) -> object:
    """Return an image cut in two in the middle of a base64 quantum, and all else as it is."""
    if isinstance(leaf, str) and len(leaf) > LONG_TEXT_CHARACTERS:
        return leaf[: len(leaf) // 8 * 4 - 1]
    return leaf


def wrong_type(leaf: object) -> object:
    """Return a number for a text and a text for everything else."""
    return 0 if isinstance(leaf, str) else "wrong type"


def empty_lists(value: object) -> object:
    """Return a JSON object with the lists in it emptied."""
    if isinstance(value, dict):
        return {key: empty_lists(part) for key, part in value.items()}
    return [] if isinstance(value, list) else value


def in_json(change: Callable[[object], object]) -> Callable[[bytes], bytes]:
    """Return the change of a JSON value as one of a body."""
    return lambda body: json.dumps(change(json.loads(body))).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated_base64": in_json(lambda value: with_leaves(value, truncated_base64)),
    "malformed_json": lambda body: body[:-1],
    "empty_data": in_json(empty_lists),
    "wrong_types": in_json(lambda value: with_leaves(value, wrong_type)),
}
"""How the body of a good response can be damaged, whichever provider's it is."""


def damaged_event(frame: bytes, damage: str) -> bytes:
    """Return an event of a stream with its one line of JSON damaged."""
    head, mark, rest = frame.partition(b"data: ")
    line = rest.rstrip()
    return head + mark + DAMAGES[damage](line) + rest[len(line) :] if mark else frame


def parse_fault(value: object, errors: Mapping[str, SimulatedResponse]) -> Fault:
    """Read a fault that came as JSON.

    Args:
        value: The decoded JSON.
        errors: The responses that `error` may name.

    Raises:
        ValueError: The JSON is not a fault; the message says why.
    """
    if not isinstance(value, dict):
        raise ValueError("a fault must be a JSON object")
    for name, part in value.items():
        check_field(name, part)
    delay = HANG_SECONDS if value.get("hang") else value.get("delay_seconds", 0.0)
    return Fault(
        response=scripted_response(value, errors),
        headers={name.lower(): text for name, text in value.get("headers", {}).items()},
        delay_seconds=delay,
        cut_after_bytes=value.get("cut_after_bytes"),
        after_frames=value.get("after_frames"),
        damage=value.get("damage"),
    )


def check_field(name: str, value: object) -> None:
    """Raise ValueError for a field that a fault does not have, or a value that it cannot have."""
    if name not in FIELD_TYPES:
        raise ValueError(f"unknown field {name!r}; a fault has {', '.join(FIELD_TYPES)}")
    if not isinstance(value, FIELD_TYPES[name]):
        raise ValueError(f"{name!r} must be of type {FIELD_TYPES[name][-1].__name__}")
    if isinstance(value, dict) and name == "headers" and not all_texts(value):
        raise ValueError("the values of 'headers' must be of type str")
    if name == "damage" and value not in DAMAGES:
        raise ValueError(f"unknown damage {value!r}; known are {', '.join(DAMAGES)}")


def all_texts(headers: Mapping[Any, object]) -> bool:
    """Return whether every header has a text for its value."""
    return all(isinstance(text, str) for text in headers.values())


def scripted_response(
    fault: Mapping[str, Any], errors: Mapping[str, SimulatedResponse]
) -> SimulatedResponse | None:
    """Return the response that a fault asks for, or None if it keeps the provider's own.

    Raises:
        ValueError: No provider has an error of that name.
    """
    if "error" in fault:
        if fault["error"] not in errors:
            raise ValueError(f"unknown error {fault['error']!r}; known are {', '.join(errors)}")
        return errors[fault["error"]]
    if "status" not in fault and "body" not in fault:
        return None
    status, body = fault.get("status", 200), fault.get("body", {})
    if isinstance(body, str):
        return SimulatedResponse(status, body.encode(), {"content-type": "text/html"})
    return json_response(body, status)
