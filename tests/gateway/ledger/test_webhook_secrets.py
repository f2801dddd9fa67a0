"""The secrets of webhooks on both engines: several are valid at once, and none is shown."""

from datetime import UTC, datetime, timedelta

import pytest

from tintype_gateway.ledger import AccountNotFoundError, Ledger
from tintype_gateway.ledger.changes import Author, ChangeFilter
from tintype_gateway.ledger.errors import WebhookSecretLimitError, WebhookSecretNotFoundError
from tintype_gateway.ledger.webhook_secrets import (
    ENDED_KEPT_SECONDS,
    MAX_VALID,
    WebhookSecret,
    new_secret_id,
)
from tintype_testing.ledgers import Clock

SEALED = b"\x01 sealed"


@pytest.fixture(autouse=True)
async def studio(ledger: Ledger) -> None:
    await ledger.create_account("studio")


async def made(
    ledger: Ledger, *, ends: datetime | None = None, keep_others: float | None = None
) -> WebhookSecret:
    return await ledger.create_webhook_secret(
        "studio",
        new_secret_id(),
        SEALED,
        expires_at=ends,
        keep_others_for_seconds=keep_others,
        author=Author("command", "ada"),
    )


def after(clock: Clock, seconds: float) -> datetime:
    return datetime.fromtimestamp(clock.now, UTC) + timedelta(seconds=seconds)


async def valid(ledger: Ledger) -> list[str]:
    return [each.id for each in await ledger.webhook_secrets("studio", valid=True)]


async def test_a_secret_is_read_as_it_was_recorded(ledger: Ledger, clock: Clock) -> None:
    secret = await made(ledger, ends=after(clock, 60))

    assert await ledger.webhook_secrets("studio") == [secret]
    assert (secret.account, secret.sealed, secret.expires_at) == (
        "studio",
        SEALED,
        after(clock, 60),
    )
    assert secret.created_at == after(clock, 0)


async def test_a_secret_is_valid_until_it_expires(ledger: Ledger, clock: Clock) -> None:
    lasting, ending = await made(ledger), await made(ledger, ends=after(clock, 60))

    clock.advance(59)
    assert set(await valid(ledger)) == {lasting.id, ending.id}
    clock.advance(1)
    assert await valid(ledger) == [lasting.id]
    assert len(await ledger.webhook_secrets("studio")) == 2


async def test_a_rotation_ends_the_others_after_the_overlap(ledger: Ledger, clock: Clock) -> None:
    old, soon = await made(ledger), await made(ledger, ends=after(clock, 10))
    clock.advance(1)

    new = await made(ledger, keep_others=60)

    ends = {each.id: each.expires_at for each in await ledger.webhook_secrets("studio")}
    assert ends == {old.id: after(clock, 60), soon.id: after(clock, 9), new.id: None}
    clock.advance(60)
    assert await valid(ledger) == [new.id]


async def test_without_an_overlap_the_others_stay(ledger: Ledger) -> None:
    old, new = await made(ledger), await made(ledger)

    assert set(await valid(ledger)) == {old.id, new.id}


async def test_the_end_of_a_secret_is_moved(ledger: Ledger, clock: Clock) -> None:
    secret = await made(ledger)

    moved = await ledger.set_webhook_secret_expiry("studio", secret.id, after(clock, 5))
    kept = await ledger.set_webhook_secret_expiry("studio", secret.id, None)

    assert (moved.expires_at, kept.expires_at) == (after(clock, 5), None)


async def test_a_deleted_secret_is_gone(ledger: Ledger) -> None:
    secret = await made(ledger)

    await ledger.delete_webhook_secret("studio", secret.id)

    assert await ledger.webhook_secrets("studio") == []
    with pytest.raises(WebhookSecretNotFoundError, match=secret.id):
        await ledger.delete_webhook_secret("studio", secret.id)


async def test_a_secret_of_another_account_is_not_there(ledger: Ledger) -> None:
    secret = await made(ledger)
    await ledger.create_account("other")

    assert await ledger.webhook_secrets("other") == []
    with pytest.raises(WebhookSecretNotFoundError):
        await ledger.set_webhook_secret_expiry("other", secret.id, None)
    with pytest.raises(WebhookSecretNotFoundError):
        await ledger.delete_webhook_secret("other", secret.id)
    assert await valid(ledger) == [secret.id]


async def test_an_unknown_account_has_no_secrets(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.webhook_secrets("nobody")
    with pytest.raises(AccountNotFoundError):
        await ledger.create_webhook_secret("nobody", new_secret_id(), SEALED)


async def test_the_number_of_valid_secrets_is_limited(ledger: Ledger) -> None:
    made_secrets = [await made(ledger) for _ in range(MAX_VALID)]

    with pytest.raises(WebhookSecretLimitError, match=str(MAX_VALID)):
        await made(ledger)
    await ledger.delete_webhook_secret("studio", made_secrets[0].id)
    await made(ledger)
    assert len(await valid(ledger)) == MAX_VALID


async def test_secrets_that_expired_long_ago_are_forgotten(ledger: Ledger, clock: Clock) -> None:
    ended = await made(ledger, ends=after(clock, 0))
    clock.advance(ENDED_KEPT_SECONDS)
    second = await made(ledger)
    assert [each.id for each in await ledger.webhook_secrets("studio")] == [ended.id, second.id]

    clock.advance(1)
    third = await made(ledger)
    assert [each.id for each in await ledger.webhook_secrets("studio")] == [second.id, third.id]


async def test_the_audit_log_has_each_change_and_nothing_secret(
    ledger: Ledger, clock: Clock
) -> None:
    first = await made(ledger)
    clock.advance(1)
    second = await made(ledger, keep_others=60)
    third = await made(ledger, keep_others=60)
    await ledger.delete_webhook_secret("studio", second.id, author=Author("command", "bob"))

    changes = await ledger.changes(ChangeFilter(kind="webhook_secret", account="studio"))

    assert [(each.difference.action, each.difference.name) for each in changes] == [
        ("create", first.id),
        ("create", second.id),
        ("update", first.id),
        ("create", third.id),
        ("update", second.id),
        ("delete", second.id),
    ]
    end = after(clock, 60).isoformat()
    assert changes[2].difference.before == {"account": "studio", "expires_at": None}
    assert changes[2].difference.after == {"account": "studio", "expires_at": end}
    assert (changes[0].author.name, changes[5].author.name) == ("ada", "bob")
    assert "sealed" not in str(changes)
