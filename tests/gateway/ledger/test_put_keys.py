"""Keys whose secret only their owner has, registered by its SHA-256, on both engines."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tintype_gateway.ledger import (
    AccountNotFoundError,
    KeyConflictError,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
    Ledger,
)
from tintype_testing.ledgers import Clock

SECRET = "sk-tintype-of-a-cluster"
SHA256 = hashlib.sha256(SECRET.encode()).digest()
OWNER = "images/tintype:team-a/web:uid-1"


@pytest.fixture(autouse=True)
async def studio(ledger: Ledger) -> None:
    await ledger.create_account("studio")


async def test_a_registered_key_authenticates(ledger: Ledger, clock: Clock) -> None:
    end = datetime.fromtimestamp(clock.now, UTC) + timedelta(days=1)

    key, is_new = await ledger.put_key(
        "key-web", "studio", SHA256, end, owner=OWNER, name="the website"
    )

    assert is_new
    assert (key.id, key.account, key.expires_at) == ("key-web", "studio", end)
    assert (key.owner, key.name, key.revoked_at) == (OWNER, "the website", None)
    assert (await ledger.authenticate(SECRET)).key_id == "key-web"


async def test_the_same_key_again_changes_nothing(ledger: Ledger) -> None:
    first, _ = await ledger.put_key("key-web", "studio", SHA256, owner=OWNER)

    assert await ledger.put_key("key-web", "studio", SHA256, owner=OWNER) == (first, False)


async def test_a_key_that_was_revoked_or_shortened_stays_so_when_it_comes_again(
    ledger: Ledger, clock: Clock
) -> None:
    end = datetime.fromtimestamp(clock.now, UTC) + timedelta(hours=1)
    await ledger.put_key("key-web", "studio", SHA256, owner=OWNER)
    await ledger.set_key_expiry("key-web", end)
    await ledger.revoke_key("key-web")

    key, _ = await ledger.put_key("key-web", "studio", SHA256, owner=OWNER)

    assert key.expires_at == end
    with pytest.raises(KeyRevokedError):
        await ledger.authenticate(SECRET)


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": b"x" * 32},
        {"account": "lab"},
        {"owner": "another cluster"},
        {"owner": None},
        {"name": "another name"},
        {"key_id": "key-other"},
    ],
)
async def test_another_key_under_the_id_or_with_the_secret_is_a_conflict(
    ledger: Ledger, other: dict[str, Any]
) -> None:
    await ledger.create_account("lab")
    key: dict[str, Any] = {
        "key_id": "key-web",
        "account": "studio",
        "sha256": SHA256,
        "owner": OWNER,
    }
    await ledger.put_key(**key)

    with pytest.raises(KeyConflictError):
        await ledger.put_key(**(key | other))

    assert len(await ledger.list_keys()) == 1


async def test_a_key_needs_an_account(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.put_key("key-web", "nobody", SHA256)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_id": "key/web"},
        {"key_id": ""},
        {"sha256": b"short"},
        {"owner": "two\nlines"},
        {"name": ""},
        {"expires_at": datetime(2030, 1, 1)},
    ],
)
async def test_an_impossible_key_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    key: dict[str, Any] = {"key_id": "key-web", "account": "studio", "sha256": SHA256}

    with pytest.raises(ValueError, match=r"key|SHA-256|owner"):
        await ledger.put_key(**(key | wrong))


async def test_the_end_of_a_key_can_be_moved_and_taken_away(ledger: Ledger, clock: Clock) -> None:
    now = datetime.fromtimestamp(clock.now, UTC)
    await ledger.put_key("key-web", "studio", SHA256)

    moved = await ledger.set_key_expiry("key-web", now)
    with pytest.raises(KeyExpiredError):
        await ledger.authenticate(SECRET)
    endless = await ledger.set_key_expiry("key-web", None)

    assert (moved.expires_at, endless.expires_at) == (now, None)
    assert (await ledger.authenticate(SECRET)).key_id == "key-web"


async def test_the_end_of_an_unknown_key_cannot_be_moved(ledger: Ledger) -> None:
    with pytest.raises(KeyNotFoundError):
        await ledger.set_key_expiry("key-0", None)


async def test_keys_are_listed_by_the_beginning_of_their_owner(ledger: Ledger) -> None:
    await ledger.create_key("studio")
    for number, owner in enumerate(("one:x", "one:y", "on_:x")):
        await ledger.put_key(f"key-{number}", "studio", bytes([number]) * 32, owner=owner)

    assert [key.id for key in await ledger.list_keys(owner="one:")] == ["key-0", "key-1"]
    assert [key.id for key in await ledger.list_keys(owner="on_:")] == ["key-2"]


async def test_keys_that_have_ended_can_be_left_out(ledger: Ledger, clock: Clock) -> None:
    ends = (None, datetime.fromtimestamp(clock.now + 60, UTC), None)
    for number, end in enumerate(ends):
        await ledger.put_key(f"key-{number}", "studio", bytes([number]) * 32, end)
    await ledger.revoke_key("key-2")

    active = [key.id for key in await ledger.list_keys(active=True)]
    clock.advance(60)

    assert active == ["key-0", "key-1"]
    assert [key.id for key in await ledger.list_keys(active=True)] == ["key-0"]


async def test_pages_of_keys_follow_each_other_without_gaps(ledger: Ledger, clock: Clock) -> None:
    for number in range(7):
        await ledger.put_key(f"key-{number}", "studio", bytes([number]) * 32)
        clock.advance(number % 2)  # some keys are made at the same time

    pages = [[key.id for key in await ledger.list_keys(limit=3)]]
    while len(pages[-1]) == 3:
        page = await ledger.list_keys("studio", after=pages[-1][-1], limit=3)
        pages.append([key.id for key in page])

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [id for page in pages for id in page] == [f"key-{number}" for number in range(7)]


async def test_a_page_after_an_unknown_key_is_refused(ledger: Ledger) -> None:
    with pytest.raises(KeyNotFoundError):
        await ledger.list_keys(after="key-0")
