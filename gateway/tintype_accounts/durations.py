"""Durations in manifests, as Go and Kubernetes write them: `720h`, `90m` or `1h30m`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from tintype_catalog.contract import described

PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"

_UNITS = {"h": "hours", "m": "minutes", "s": "seconds"}

Duration = Annotated[
    str,
    Field(pattern=PATTERN, min_length=2, max_length=21),
    described("must be hours, minutes and seconds such as 720h or 1h30m"),
]
"""A duration of hours, minutes and seconds."""


def duration(text: str) -> timedelta:
    """Return the duration that a text of the type `Duration` means."""
    parts = re.findall(r"([0-9]+)([hms])", text)
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})
