"""What to do for an ApiKey: a valid key in the Secret at every time.

The first key is written before it is registered, so that no registered key is lost. The replacement
of a valid key is registered before it is written, so that the key in the Secret is always valid. A
replaced key expires when the overlap has passed since its replacement was registered. A replacement
that was registered and could not be written is known to nobody; it expires with the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tintype_accounts.api_key import ApiKeySpec
from tintype_accounts.api_keys import digest, id_of, is_secret
from tintype_accounts.documents import KeySettings, KeyState
from tintype_accounts.planning.actions import (
    Action,
    Plan,
    Planner,
    PutKey,
    RevokeKey,
    SetKeyExpiry,
    WriteSecret,
)
from tintype_accounts.planning.conditions import NEVER, WORKING, Since, Verdict
from tintype_accounts.planning.references import WAIT, ReferencedAccount
from tintype_accounts.resources import ApiKey, key_owner
from tintype_accounts.status import ApiKeyStatus
from tintype_catalog.conditions import timestamp

_SAME = timedelta(seconds=1)
"""Times that differ by less are equal: a ledger may keep whole seconds."""


@dataclass(frozen=True)
class ObservedSecret:
    """The Secret of an ApiKey as it is."""

    state: Literal["absent", "own", "foreign", "forbidden"]
    """`own`: it belongs to this ApiKey. `foreign`: to something else. `forbidden`: the operator has
    no right to read or write it."""

    value: str | None = field(default=None, repr=False)
    """The text under the ApiKey's key, None if there is none."""

    is_complete: bool = True
    """Whether all else in it is as it should be, such as the URL of the gateways."""


@dataclass(frozen=True)
class ObservedKey:
    """What an ApiKey needs to be planned."""

    account: ReferencedAccount
    secret: ObservedSecret
    keys: tuple[KeyState, ...]
    """All keys of the ledger that belong to this object, also expired and revoked ones."""


def plan_key(
    key: ApiKey,
    observed: ObservedKey,
    now: datetime,
    *,
    owner: str,
    fresh: str,
    before: Since = NEVER,
) -> Plan[ApiKeyStatus]:
    """Return what to do for an ApiKey.

    Args:
        key: The object.
        observed: What the cluster and the ledger have.
        now: The time.
        owner: The name of the operator or folder.
        fresh: The secret of a new key, used if one is needed.
        before: The transition times of the object's conditions.
    """
    spec, secret = key.spec, observed.secret
    status = ApiKeyStatus(account_name=observed.account.name, secret_name=key.secret_name)

    planner = Planner(key.metadata.generation, now, before)
    if obstacle := _obstacle(key, secret):
        return planner.plan(status, obstacle)
    if waiting := observed.account.waiting:
        return planner.plan(status, waiting, at=now + WAIT)
    if spec.has_expired(now):
        ended = [RevokeKey(each.id) for each in observed.keys if _is_open(each, now)]
        return planner.plan(status, WORKING if ended else _expired(spec), *ended)
    current = _current(observed)
    actions = _next_actions(key, observed, current, now, owner=owner, fresh=fresh)
    if actions or current is None:
        return planner.plan(status, WORKING, *actions)
    rotation = _rotation(spec, current)
    times = [each for each in (rotation, spec.expires_at) if each is not None]
    return planner.plan(_with_key(status, current, rotation), _READY, at=min(times, default=None))


def _next_actions(
    key: ApiKey,
    observed: ObservedKey,
    current: KeyState | None,
    now: datetime,
    *,
    owner: str,
    fresh: str,
) -> list[Action]:
    spec, value = key.spec, observed.secret.value
    account = str(observed.account.name)
    register = _registration(key, account, owner, fresh)
    if value is not None and is_secret(value) and current is None:
        return [_registration(key, account, owner, value)]
    if value is None or current is None or not _is_valid(current, now):
        return [WriteSecret(fresh), register]
    rotation = _rotation(spec, current)
    is_due = rotation is not None and rotation <= now
    if is_due or current.account != account or current.revoked_at is not None:
        return [register, WriteSecret(fresh)]
    return [
        *([] if observed.secret.is_complete else [WriteSecret(value)]),
        *_expiry(current, spec.expires_at),
        *_ends(observed, current, spec, now),
    ]


def _current(observed: ObservedKey) -> KeyState | None:
    """Return the key whose secret is in the Secret, None if the ledger does not know it."""
    value = observed.secret.value
    if value is None:
        return None
    return next((each for each in observed.keys if each.id == id_of(value)), None)


def _is_valid(key: KeyState, now: datetime) -> bool:
    return all(end is None or end > now for end in (key.expires_at, key.revoked_at))


def _is_open(key: KeyState, now: datetime) -> bool:
    """Return whether nobody ended a valid key yet. Clocks differ: a revoked one may end soon."""
    return key.revoked_at is None and _is_valid(key, now)


def _registration(key: ApiKey, account: str, owner: str, secret: str) -> PutKey:
    metadata = key.metadata
    settings = KeySettings(
        account=account,
        sha256=digest(secret).hex(),
        owner=key_owner(owner, metadata.namespace, metadata.name, metadata.uid),
        name=f"{metadata.namespace}/{metadata.name}",
        expires_at=key.spec.expires_at,
    )
    return PutKey(id_of(secret), settings)


def _rotation(spec: ApiKeySpec, current: KeyState) -> datetime | None:
    """Return when the current key is replaced, None if it expires before or never is."""
    if spec.interval is None:
        return None
    at = current.created_at + spec.interval
    return at if spec.expires_at is None or at < spec.expires_at else None


def _expiry(current: KeyState, wanted: datetime | None) -> Iterator[Action]:
    """Yield the change of the current key's expiry, if it is another one."""
    if not _is_same(current.expires_at, wanted):
        yield SetKeyExpiry(current.id, wanted)


def _is_same(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < _SAME


def _ends(
    observed: ObservedKey, current: KeyState, spec: ApiKeySpec, now: datetime
) -> Iterator[Action]:
    """Yield the ends of the other keys, which the current one has replaced."""
    end = current.created_at + spec.overlap
    if spec.expires_at is not None:
        end = min(end, spec.expires_at)
    for each in observed.keys:
        if each.id == current.id or not _is_open(each, now):
            continue
        if end <= now:
            yield RevokeKey(each.id)
        elif each.expires_at is None or each.expires_at >= end + _SAME:
            yield SetKeyExpiry(each.id, end)


def _with_key(status: ApiKeyStatus, current: KeyState, rotation: datetime | None) -> ApiKeyStatus:
    expires_at = current.expires_at
    return status.model_copy(
        update={
            "key_id": current.id,
            "expires_at": None if expires_at is None else timestamp(expires_at),
            "rotated_at": timestamp(current.created_at),
            "next_rotation": None if rotation is None else timestamp(rotation),
        }
    )


_READY = Verdict("ready", "Ready", "The Secret has a key that the ledger knows.")


def _obstacle(key: ApiKey, secret: ObservedSecret) -> Verdict | None:
    name = key.secret_name
    if secret.state == "forbidden":
        message = (
            f"The operator may not read and write the Secret `{name}`. Allow it in the values of "
            "the chart, or delete this ApiKey."
        )
        return Verdict("stalled", "SecretForbidden", message)
    if secret.state == "foreign":
        message = (
            f"The Secret `{name}` exists and does not belong to this ApiKey, so it stays as it is. "
            "Delete the Secret, or create an ApiKey with another `secret.name`."
        )
        return Verdict("stalled", "SecretConflict", message)
    return None


def _expired(spec: ApiKeySpec) -> Verdict:
    at = "" if spec.expires_at is None else f" since {timestamp(spec.expires_at)}"
    return Verdict("stalled", "Expired", f"The key is expired{at}. Change `expiresAt`.")
