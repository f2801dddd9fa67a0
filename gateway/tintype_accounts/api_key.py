"""The spec of an ApiKey: a key of an account in a Secret, with its rotation."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from tintype_accounts.durations import Duration, duration
from tintype_accounts.references import ONE_ACCOUNT, OfAccount
from tintype_catalog.contract import Contract, ObjectName, cel

BASE_URL_KEY = "OPENAI_BASE_URL"
"""The key of a Secret for the URL of the gateways, beside the API key."""

DEFAULT_OVERLAP = "24h"

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_SECRET_IS_FIXED = "`secret` cannot be changed: create another ApiKey"  # noqa: S105
_OVERLAP_IS_SHORTER = "`overlap` must be shorter than `interval`"
_SHORTEST_INTERVAL = "`interval` must be at least 1m"
_NOT_THE_URL = f"`key` cannot be {BASE_URL_KEY}, which has the URL of the gateways"


def _rfc_3339(value: Any) -> Any:
    """Read only the form that an API server takes; pydantic also reads seconds and mere dates."""
    if not isinstance(value, str):
        return value
    if not _RFC_3339.fullmatch(value):
        raise ValueError("must be a time such as 2027-01-31T00:00:00Z")
    return datetime.fromisoformat(value)


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]
"""A time with its time zone, as RFC 3339."""


class Rotation(Contract):
    """The regular replacement of a key by a new one."""

    model_config = cel(
        ("duration(self.interval) >= duration('1m')", _SHORTEST_INTERVAL),
        ("duration(self.overlap) < duration(self.interval)", _OVERLAP_IS_SHORTER),
    )

    interval: Duration
    """The time between two keys, such as `720h` for 30 days."""

    overlap: Duration = DEFAULT_OVERLAP
    """How long a key is still valid after its replacement is in the Secret. Workloads must have
    read the Secret again by then."""

    @model_validator(mode="after")
    def _key_outlives_its_replacement(self) -> Self:
        if duration(self.interval) < timedelta(minutes=1):
            raise ValueError(_SHORTEST_INTERVAL)
        if duration(self.overlap) >= duration(self.interval):
            raise ValueError(_OVERLAP_IS_SHORTER)
        return self


class SecretTarget(Contract):
    """The Secret that receives a key."""

    model_config = cel((f"self.key != '{BASE_URL_KEY}'", _NOT_THE_URL))

    name: ObjectName | None = None
    """The name of the Secret, if it is not the name of the ApiKey. A Secret that exists and belongs
    to something else is never changed."""

    key: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", min_length=1, max_length=253)
    ] = "OPENAI_API_KEY"
    """The key in the Secret, which OpenAI's SDKs read as an environment variable by default."""

    @model_validator(mode="after")
    def _leaves_the_url(self) -> Self:
        if self.key == BASE_URL_KEY:
            raise ValueError(_NOT_THE_URL)
        return self


class ApiKeySpec(OfAccount):
    """A key of an account, which is generated in the cluster and kept in a Secret."""

    model_config = cel(
        ("has(self.account) != has(self.accountName)", ONE_ACCOUNT),
        (
            "has(self.secret) == has(oldSelf.secret) && "
            "(!has(self.secret) || self.secret == oldSelf.secret)",
            _SECRET_IS_FIXED,
        ),
    )

    expires_at: Moment | None = None
    """The time when the key and its replacements expire. The default is never."""

    rotation: Rotation | None = None
    """The regular replacement of the key. The default is none."""

    secret: SecretTarget = SecretTarget()
    """The Secret that receives the key. Immutable."""

    @property
    def interval(self) -> timedelta | None:
        """The time between two keys; None if the key is not replaced regularly."""
        return duration(self.rotation.interval) if self.rotation else None

    @property
    def overlap(self) -> timedelta:
        """How long a key is still valid after its replacement is in the Secret."""
        return duration(self.rotation.overlap if self.rotation else DEFAULT_OVERLAP)

    def has_expired(self, now: datetime) -> bool:
        """Return whether no key is wanted any more."""
        return self.expires_at is not None and self.expires_at <= now
