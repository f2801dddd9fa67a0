"""The audit log: who changed what, with the state before and after.

A change is recorded in the transaction that makes it. What it shows of an account, a key or a grant
is the same on both engines, and here. No document has a secret: a key is known by its id, and what
looks like a secret in text that people write, such as a reason, is removed.
"""

import itertools
import math
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from tintype_gateway.accounts import Account, ApiKey
from tintype_gateway.ledger.documents import account_settings, key_state
from tintype_gateway.ledger.webhook_secrets import WebhookSecret, secret_document

AuthorKind = Literal["token", "service_account", "command", "resource", "folder", "token_issuer"]
"""A token of the admin API, a Kubernetes ServiceAccount, a command, a resource that an operator
applies, a folder of manifests, or the issuer of JWTs."""

Kind = Literal["account", "key", "grant", "webhook_secret", "model", "binding", "setting"]
"""What is changed. Budgets are a part of their account."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Document = Mapping[str, Any]
"""An object of JSON."""


@dataclass(frozen=True)
class Author:
    """Who makes a change, and in which request."""

    kind: AuthorKind
    name: str
    details: Mapping[str, str] = field(default_factory=dict)
    """What else is known, such as a resource's uid and field manager."""

    role: str | None = None
    """The role of a caller of the admin API."""

    request_id: str | None = None
    """The id of a request to the admin API."""


UNNAMED = Author("command", "")
"""The author of a change by a program that names none."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a change is about, before it is recorded."""

    action: str
    kind: Kind
    name: str
    account: str | None = None
    """The account that it concerns, if it does."""

    before: Document | None
    """None: it did not exist."""

    after: Document | None
    """None: it does not exist any more."""


@dataclass(frozen=True)
class Change:
    """A recorded change."""

    sequence: int
    """Its place in the log: later changes have higher ones, with gaps."""

    id: str
    at: datetime
    author: Author
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class ReportedChange:
    """A change of something that is not in the ledger: a model, a binding or a setting."""

    id: str
    """The same for every report of this change."""

    at: datetime
    author: Author
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class ChangeFilter:
    """Which changes to read: those that match all values that are not None."""

    kind: str | None = None
    name: str | None = None
    account: str | None = None
    author: str | None = None
    """The author's name."""

    since: datetime | None = None
    until: datetime | None = None
    """The first moment after them."""


ALL_CHANGES = ChangeFilter()

MAXIMUM_PAGE = 1000
"""The most changes or keys of one page."""


LINE_LEASE = timedelta(seconds=30)
"""How long a gateway has to write the lines of the changes that it claims."""


def new_change_id() -> str:
    """Return the id of a new change."""
    return f"change-{secrets.token_hex(16)}"


def ids_from(call: str) -> Iterator[str]:
    """Return the ids of the changes that one call records, in their order."""
    yield call
    yield from (f"{call}-{number}" for number in itertools.count(2))


def account_difference(action: str, before: Account | None, after: Account) -> Difference | None:
    """Return how an account's spec or owner differs; None if it does not.

    Balances are no part of it: the ledger has their postings.
    """
    old, new = None if before is None else account_document(before), account_document(after)
    if old == new:
        return None
    return Difference(
        action=action, kind="account", name=after.name, account=after.name, before=old, after=new
    )


def account_document(account: Account) -> Document:
    """Return what the audit log shows of an account."""
    return {
        **account_settings(account.spec).model_dump(mode="json"),
        "owner": account.owner,
    }


def key_difference(action: str, before: ApiKey | None, after: ApiKey) -> Difference | None:
    """Return how a key differs; None if it does not."""
    old, new = None if before is None else key_document(before), key_document(after)
    if old == new:
        return None
    return Difference(
        action=action, kind="key", name=after.id, account=after.account, before=old, after=new
    )


def key_document(key: ApiKey) -> Document:
    """Return what the audit log shows of a key: neither its secret nor the hash of it."""
    return key_state(key).model_dump(mode="json", exclude={"id", "created_at"})


def webhook_secret_difference(
    action: str, before: WebhookSecret | None, after: WebhookSecret | None
) -> Difference | None:
    """Return how a secret of webhooks differs; None if it does not."""
    old = None if before is None else secret_document(before)
    new = None if after is None else secret_document(after)
    known = before or after
    if known is None or old == new:
        return None
    return Difference(
        action=action,
        kind="webhook_secret",
        name=known.id,
        account=known.account,
        before=old,
        after=new,
    )


def funding_difference(
    action: str, posting: str, account: str, micro: int, reason: str, reference: str | None = None
) -> Difference:
    """Return the change that a grant or an adjustment is, by the id of its posting."""
    after = {
        "account": account,
        "micro_credits": micro,
        "reason": reason,
        "reference": reference,
        "posting": posting,
    }
    return Difference(
        action=action,
        kind="grant",
        name=reference or posting,
        account=account,
        before=None,
        after=after,
    )


def change_document(change: Change) -> dict[str, Any]:
    """Return a change as JSON."""
    author, difference = change.author, change.difference
    return {
        "sequence": change.sequence,
        "id": change.id,
        "at": _time(change.at),
        "author": {
            "kind": author.kind,
            "name": author.name,
            "role": author.role,
            "details": dict(author.details),
        },
        "request_id": author.request_id,
        "action": difference.action,
        "kind": difference.kind,
        "name": difference.name,
        "account": difference.account,
        "before": difference.before,
        "after": difference.after,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


_SECRETS = re.compile(
    r"""
      \b(?:sk|rk|pk|sess)-[\w-]{16,}      # keys of OpenAI and of ours
    | \bwhsec_[\w+/=-]{16,}               # secrets of webhooks
    | \bxai-[\w-]{20,} | \br8_\w{20,}     # keys of xAI and Replicate
    | \bAIza[\w-]{20,}                    # keys of Google
    | \bya29\.[\w.-]+                     # its OAuth tokens
    | \b(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/=]{12,}  # keys of AWS, and its bearer tokens
    | \beyJ[\w-]{8,}\.[\w.-]+             # JWTs
    | \bBearer\s+[^\s,;"']{8,}
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)     # user and password of a URL
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)

REMOVED = "[removed]"

_SECRET_FIELDS = frozenset(
    {"api_key", "apikey", "secret", "secret_sha256", "password", "token", "authorization"}
)
"""Names of fields whose text is never shown, in lower case."""


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value of JSON without what is, or looks like, a secret.

    What a database cannot keep is replaced: NUL, lone surrogates, and numbers without an end.
    """
    match value:
        case str() if value and name.lower() in _SECRET_FIELDS:
            return REMOVED
        case str():
            text = value.replace("\0", "�").encode("utf-8", "replace").decode()
            return _SECRETS.sub(REMOVED, text)
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {
                without_secrets(str(key)): without_secrets(each, str(key))
                for key, each in value.items()
            }
        case list() | tuple():
            return [without_secrets(each, name) for each in value]
    return value
