"""The audit log: every change is recorded once, with its author, on both engines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tintype_gateway.ledger import (
    AccountExistsError,
    AccountSpec,
    Author,
    ChangeFilter,
    Idempotency,
    Ledger,
    LedgerError,
    Policy,
    ReportedChange,
)
from tintype_gateway.ledger.changes import Difference
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

AUTHOR = Author(
    "resource",
    "Account team-a/studio",
    {"uid": "uid-1", "fieldManager": "argocd"},
    role="admin",
    request_id="req_1",
)

SHA256 = b"2" * 32


async def actions(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Return kind, name and action of every change."""
    found = [change.difference for change in await ledger.changes()]
    return [(each.kind, each.name, each.action) for each in found]


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_a_change_says_who_made_it_and_when(ledger: Ledger, clock: Clock) -> None:
    await ledger.create_account("studio", policy=Policy(images_per_minute=5), author=AUTHOR)

    (change,) = await ledger.changes()

    assert (change.author, change.at) == (AUTHOR, moment(clock.now))
    assert change.difference == Difference(
        action="create",
        kind="account",
        name="studio",
        account="studio",
        before=None,
        after={
            "display_name": "",
            "suspended": False,
            "unlimited": False,
            "policy": {
                "models": None,
                "requests_per_minute": None,
                "images_per_minute": 5,
                "response_profile": None,
                "calls_per_minute": None,
                "queued_jobs": None,
                "running_jobs": None,
                "webhooks": False,
                "guardrail_exempt": False,
            },
            "time_zone": "UTC",
            "budgets": [],
            "owner": None,
            "deletion_policy": "retain",
        },
    )


async def test_an_account_is_recorded_before_and_after_each_change(ledger: Ledger) -> None:
    await ledger.create_account("studio")
    await ledger.set_policy("studio", Policy(models=frozenset({"b", "a"})))
    await ledger.put_account("studio", AccountSpec(suspended=True), owner="a cluster")
    await ledger.release_account("studio", "a cluster")

    changes = [change.difference for change in await ledger.changes()]

    assert [each.action for each in changes] == ["create", "update", "update", "release"]
    for earlier, later in pairwise(changes):
        assert later.before == earlier.after
    assert [changed(each) for each in changes[1:]] == [
        {"policy"},
        {"policy", "suspended", "owner"},
        {"owner"},
    ]


def changed(difference: Difference) -> set[str]:
    before, after = difference.before or {}, difference.after or {}
    return {name for name in after if before.get(name) != after[name]}


async def test_what_changes_nothing_is_not_recorded(ledger: Ledger) -> None:
    spec = AccountSpec(display_name="Studio")
    await ledger.put_account("studio", spec, owner="a cluster")
    key, _ = await ledger.put_key("key-web", "studio", SHA256)
    await ledger.put_grant("may", "studio", 5, "May")
    await ledger.revoke_key(key.id)
    before = await ledger.changes()

    await ledger.put_account("studio", spec, owner="a cluster")
    await ledger.put_key("key-web", "studio", SHA256)
    await ledger.put_grant("may", "studio", 5, "May")
    await ledger.set_policy("studio", Policy())
    await ledger.set_key_expiry(key.id, None)
    await ledger.revoke_key(key.id)
    await ledger.ensure_account("studio", issuer="any", max_accounts=1)

    assert await ledger.changes() == before


async def test_what_is_refused_is_not_recorded(ledger: Ledger) -> None:
    await ledger.put_account("studio", AccountSpec(), owner="a cluster")
    before = await ledger.changes()
    refused: list[Callable[[], Awaitable[object]]] = [
        lambda: ledger.put_account("studio", AccountSpec(suspended=True), owner="another"),
        lambda: ledger.create_account("studio", credits_micro=5),
        lambda: ledger.release_account("studio", "another"),
        lambda: ledger.grant("nobody", 5, reason="a gift"),
        lambda: ledger.rotate_key("key-0"),
    ]

    for call in refused:
        with pytest.raises(LedgerError):
            await call()

    assert await ledger.changes() == before


async def test_keys_are_recorded_by_their_id(ledger: Ledger, clock: Clock) -> None:
    await ledger.create_account("studio")
    end = moment(clock.now + 60)
    first, _ = await ledger.create_key("studio")
    await ledger.set_key_expiry(first.id, end)
    second, _ = await ledger.rotate_key(first.id)
    third, _ = await ledger.rotate_key(second.id, keep_old_for_seconds=5)
    await ledger.revoke_key(third.id)

    assert (await actions(ledger))[1:] == [
        ("key", first.id, "create"),
        ("key", first.id, "update"),
        ("key", second.id, "create"),
        ("key", first.id, "revoke"),
        ("key", third.id, "create"),
        ("key", second.id, "update"),
        ("key", third.id, "revoke"),
    ]
    revoked = (await ledger.changes(ChangeFilter(name=third.id)))[-1].difference
    assert (revoked.account, changed(revoked)) == ("studio", {"revoked_at"})


async def test_credits_are_recorded_with_their_posting(ledger: Ledger, store: Store) -> None:
    await ledger.create_account("studio", credits_micro=1000)
    await ledger.grant("studio", 500, reason="a gift")
    await ledger.adjust("studio", -5, reason="a slip")
    await ledger.put_grant("may", "studio", 70, "May")

    grants = [change.difference for change in await ledger.changes(ChangeFilter(kind="grant"))]

    assert [(each.action, (each.after or {})["micro_credits"]) for each in grants] == [
        ("grant", 1000),
        ("grant", 500),
        ("adjustment", -5),
        ("grant", 70),
    ]
    stored = {str(posting) for (posting,) in await store.query("SELECT id FROM posting")}
    assert {(each.after or {})["posting"] for each in grants} == stored
    assert (grants[-1].name, grants[0].name) == ("may", (grants[0].after or {})["posting"])


async def test_a_grant_with_an_idempotency_key_is_recorded_once(store: Store) -> None:
    pods = [store.open() for _ in range(2)]
    await pods[0].create_account("studio")
    once = Idempotency("june", "digest")

    await asyncio.gather(
        *(
            pod.grant("studio", 500, reason="June", idempotency=once)
            for pod in pods
            for _ in range(5)
        )
    )

    assert len(await pods[0].changes(ChangeFilter(kind="grant"))) == 1
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_an_account_that_a_token_opens_is_recorded_with_its_issuer(store: Store) -> None:
    pods = [store.open() for _ in range(2)]
    author = Author("token_issuer", "https://issuer.example")

    await asyncio.gather(
        *(
            pod.ensure_account(
                "studio", issuer="any", max_accounts=5, credits_micro=70, author=author
            )
            for pod in pods
            for _ in range(5)
        )
    )

    changes = await pods[0].changes()
    assert [change.difference.kind for change in changes] == ["account", "grant"]
    assert [change.author for change in changes] == [author, author]
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_concurrent_changes_can_be_followed_without_missing_one(store: Store) -> None:
    pods = [store.open() for _ in range(3)]
    writing = asyncio.gather(
        *(pods[n % 3].create_account(f"account-{n}", author=AUTHOR) for n in range(60))
    )
    seen: list[str] = []
    after = None

    while len(seen) < 60:
        for change in await pods[0].changes(after=after, limit=7):
            seen.append(change.difference.name)
            after = change.sequence

    await writing
    assert sorted(seen) == sorted(f"account-{n}" for n in range(60))
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_changes_are_read_by_what_they_match(ledger: Ledger, clock: Clock) -> None:
    await ledger.create_account("studio", author=AUTHOR)
    clock.advance(60)
    await ledger.create_account("lab")
    await ledger.put_key("key-web", "lab", SHA256)

    async def names(matching: ChangeFilter) -> list[str]:
        return [change.difference.name for change in await ledger.changes(matching)]

    assert await names(ChangeFilter(kind="key")) == ["key-web"]
    assert await names(ChangeFilter(account="lab")) == ["lab", "key-web"]
    assert await names(ChangeFilter(author=AUTHOR.name)) == ["studio"]
    assert await names(ChangeFilter(since=moment(clock.now))) == ["lab", "key-web"]
    assert await names(ChangeFilter(until=moment(clock.now))) == ["studio"]
    assert await names(ChangeFilter(kind="key", account="studio")) == []


async def test_the_newest_changes_come_first_where_it_is_asked_for(ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        await ledger.create_account(name)

    newest = await ledger.changes(limit=2, newest_first=True)
    rest = await ledger.changes(after=newest[-1].sequence, newest_first=True)

    assert [each.difference.name for each in (*newest, *rest)] == ["c", "b", "a"]


def report(
    id: str, name: str = "canvas", before: Mapping[str, Any] | None = None, after: Any = None
) -> ReportedChange:
    difference = Difference(action="update", kind="model", name=name, before=before, after=after)
    return ReportedChange(id=id, at=moment(1_700_000_000), author=AUTHOR, difference=difference)


async def test_a_reported_change_is_recorded_once_by_its_id(ledger: Ledger) -> None:
    reported = [report("uid-1.1", after={"n": 1}), report("uid-1.2", after={"n": 2})]

    assert await ledger.record_changes(reported[:1]) == 1
    assert await ledger.record_changes(reported) == 1

    changes = await ledger.changes()
    assert [(change.id, change.difference.after) for change in changes] == [
        ("uid-1.1", {"n": 1}),
        ("uid-1.2", {"n": 2}),
    ]
    assert changes[0].at == moment(1_700_000_000)


async def test_a_state_that_several_gateways_see_is_recorded_once_each_time_it_comes(
    ledger: Ledger,
) -> None:
    for number, state in enumerate((1, 1, 2, 2, 1, 1)):
        await ledger.record_changes([report(f"{number}", after={"n": state})], only_new_states=True)

    assert [(change.difference.after or {})["n"] for change in await ledger.changes()] == [1, 2, 1]


async def test_no_secret_is_recorded_with_a_change(ledger: Ledger, store: Store) -> None:
    await ledger.create_account("studio")
    _, secret = await ledger.create_key("studio")
    await ledger.grant("studio", 5, reason=f"for {secret}")
    await ledger.put_grant("may", "studio", 5, f"for {secret}")
    await ledger.put_account(
        "studio", AccountSpec(display_name=f"has {secret}"), author=Author("command", secret)
    )
    await ledger.record_changes([report("uid-1", before={"a": [secret]}, after={secret: secret})])

    recorded = str(await store.query("SELECT * FROM change"))

    assert secret.removeprefix("sk-tintype-") not in recorded
    assert "[removed]" in recorded


@pytest.mark.parametrize("statement", ["UPDATE change SET name = 'other'", "DELETE FROM change"])
async def test_changes_are_append_only(ledger: Ledger, store: Store, statement: str) -> None:
    await ledger.create_account("studio")

    with pytest.raises(store.refusal, match="append-only"):
        await store.execute(statement)


async def test_old_changes_are_forgotten_and_only_they(
    ledger: Ledger, store: Store, clock: Clock
) -> None:
    await ledger.create_account("studio")
    clock.advance(60)
    await ledger.create_account("lab")

    assert await ledger.forget_changes(moment(clock.now)) == 1
    assert await ledger.forget_changes(moment(clock.now)) == 0

    assert [name for _, name, _ in await actions(ledger)] == ["lab"]
    with pytest.raises(store.refusal, match="append-only"):
        await store.execute("DELETE FROM change")


async def test_a_follower_goes_on_after_what_it_has_read_is_forgotten(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.create_account("studio")
    (read,) = await ledger.changes()
    clock.advance(60)
    await ledger.forget_changes(moment(clock.now))
    await ledger.create_account("lab")

    (next_change,) = await ledger.changes(after=read.sequence)

    assert next_change.difference.name == "lab"


async def test_each_change_has_a_line_that_one_process_gets(store: Store) -> None:
    pods = [store.open() for _ in range(3)]
    for number in range(9):
        await pods[0].create_account(f"a{number}")

    claimed = await asyncio.gather(*(pod.claim_change_lines(3) for pod in pods))

    names = [change.difference.name for page in claimed for change in page]
    assert sorted(names) == [f"a{number}" for number in range(9)]
    assert await pods[0].claim_change_lines() == []
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_a_line_that_was_not_written_in_time_is_given_to_another(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.create_account("studio")
    await ledger.create_account("lab")
    lease = timedelta(seconds=5)

    first = await ledger.claim_change_lines(1, lease=lease)
    await ledger.end_change_lines(first)
    lost = await ledger.claim_change_lines(lease=lease)
    early = await ledger.claim_change_lines(lease=lease)
    clock.advance(5)
    again = await ledger.claim_change_lines(lease=lease)

    assert [change.difference.name for change in first] == ["studio"]
    assert ([change.difference.name for change in lost], early) == (["lab"], [])
    assert again == lost


async def test_lines_of_forgotten_changes_are_forgotten(ledger: Ledger, clock: Clock) -> None:
    await ledger.create_account("studio")
    clock.advance(60)

    await ledger.forget_changes(moment(clock.now))

    assert await ledger.claim_change_lines() == []


async def test_of_two_that_open_one_account_one_is_recorded(store: Store) -> None:
    pods = [store.open() for _ in range(2)]

    outcomes = await asyncio.gather(
        *(pod.create_account("studio", credits_micro=5) for pod in pods), return_exceptions=True
    )

    assert sum(isinstance(outcome, AccountExistsError) for outcome in outcomes) == 1
    assert [kind for kind, _, _ in await actions(pods[0])] == ["account", "grant"]
    await asyncio.gather(*(pod.close() for pod in pods))


async def test_of_two_specs_that_come_together_the_log_has_the_order(store: Store) -> None:
    pods = [store.open() for _ in range(2)]
    await pods[0].create_account("studio")

    await asyncio.gather(
        *(
            pod.put_account("studio", AccountSpec(display_name=f"{number}"), owner=None)
            for number, pod in enumerate(pods * 5)
        )
    )

    changes = [change.difference for change in await pods[0].changes()]
    for earlier, later in pairwise(changes):
        assert later.before == earlier.after
    last = (await pods[0].account("studio")).display_name
    assert (changes[-1].after or {})["display_name"] == last
    await asyncio.gather(*(pod.close() for pod in pods))
