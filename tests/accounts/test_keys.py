"""What is done for an ApiKey."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.working import AUTHOR, NOON, OWNER, Cluster, an_object
from tintype_accounts.api_keys import digest, id_of, new_secret
from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.planning.actions import WriteSecret
from tintype_accounts.planning.keys import ObservedSecret
from tintype_accounts.resources import Account, ApiKey
from tintype_accounts.status import ApiKeyStatus

HOUR = timedelta(hours=1)
ROTATED = {"rotation": {"interval": "24h", "overlap": "2h"}}


def a_key(**spec: Any) -> ApiKey:
    return an_object(ApiKey, "app", {"account": "acme", **spec}, uid="1")


async def a_cluster() -> Cluster:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))
    return cluster


def value(cluster: Cluster) -> str:
    return cluster.secrets["app"].value or ""


def is_valid(cluster: Cluster, secret: str) -> bool:
    return cluster.ledger.accepts(digest(secret).hex(), cluster.ledger.now)


def reason(status: ApiKeyStatus) -> str:
    return status.conditions[0].reason


async def test_a_key_is_made_once_and_registered_by_its_digest() -> None:
    cluster = await a_cluster()
    done = await cluster.key(a_key())
    changes, secret = cluster.ledger.changes, value(cluster)

    again = await cluster.key(a_key())

    assert (cluster.ledger.changes, value(cluster)) == (changes, secret)
    assert cluster.works("app")
    assert again.status == done.status
    assert done.status.key_id == id_of(secret)
    (registered,) = cluster.ledger.by_id.values()
    assert (registered.account, registered.name) == ("acme", "team/app")
    assert registered.owner == f"{OWNER}:team/app:1"


async def test_no_plan_and_no_status_shows_the_key() -> None:
    cluster = await a_cluster()
    done = await cluster.key(a_key())

    assert value(cluster) not in repr(done) + done.status.model_dump_json()
    assert value(cluster) not in repr(WriteSecret(value(cluster)))
    assert value(cluster) not in repr(cluster.secrets["app"])


STEPS = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 3).map(lambda minutes: timedelta(minutes=minutes)),
        st.sampled_from(["nothing", "the ledger fails", "the Secret fails", "it is deleted"]),
    ),
    max_size=12,
)


@given(STEPS, st.integers(0, 3))
async def test_the_secret_has_a_valid_key_at_every_time_and_old_keys_end(
    steps: list[tuple[timedelta, str]], fails_after: int
) -> None:
    cluster = await a_cluster()
    ledger = cluster.ledger
    key = a_key(**ROTATED)
    await cluster.key(key)

    for passed, event in steps:
        ledger.now += passed
        before = value(cluster)
        if event == "it is deleted":
            del cluster.secrets["app"]
        elif event == "the ledger fails":
            ledger.fails_after = ledger.changes + fails_after
        elif event == "the Secret fails":
            cluster.on_write = cluster.cannot_be_written
        try:
            await cluster.key(key)
        except BackendUnavailableError:
            assert cluster.works("app")
        ledger.fails_after, cluster.on_write = None, lambda: None
        done = await cluster.key(key)
        assert cluster.works("app")
        assert is_valid(cluster, before), "programs still have the key that was replaced"
        assert done.look_again_at is not None
        assert ledger.now < done.look_again_at <= ledger.now + 24 * HOUR

    others = [each for each in ledger.by_id.values() if each.id != id_of(value(cluster))]
    current = ledger.by_id[id_of(value(cluster))]
    assert all(
        each.revoked_at is not None
        or (each.expires_at is not None and each.expires_at <= current.created_at + 2 * HOUR)
        for each in others
    )


async def test_a_key_is_replaced_after_the_interval_and_the_old_one_ends_after_the_overlap() -> (
    None
):
    cluster = await a_cluster()
    done = await cluster.key(a_key(**ROTATED))
    first = value(cluster)
    assert done.look_again_at == NOON + 24 * HOUR

    cluster.ledger.now = NOON + 24 * HOUR
    rotated = await cluster.key(a_key(**ROTATED))

    assert value(cluster) != first
    assert rotated.status.rotated_at == "2026-03-02T12:00:00Z"
    assert rotated.status.next_rotation == "2026-03-03T12:00:00Z"
    cluster.ledger.now += 2 * HOUR - timedelta(seconds=1)
    assert is_valid(cluster, first)
    cluster.ledger.now += timedelta(seconds=1)
    assert not is_valid(cluster, first)
    assert cluster.works("app")


async def test_an_operator_that_was_away_for_days_replaces_the_key_in_one_pass() -> None:
    cluster = await a_cluster()
    await cluster.key(a_key(**ROTATED))
    first = value(cluster)

    cluster.ledger.now = NOON + timedelta(days=5)
    assert is_valid(cluster, first)
    changes = cluster.ledger.changes
    await cluster.key(a_key(**ROTATED))

    assert cluster.works("app")
    assert value(cluster) != first
    assert cluster.ledger.changes - changes == 2  # registered, and the end of the first one
    assert is_valid(cluster, first)


@pytest.mark.parametrize("made", range(4))
async def test_a_key_whose_making_was_interrupted_is_completed(made: int) -> None:
    cluster = await a_cluster()
    cluster.ledger.fails_after = cluster.ledger.changes + made
    try:
        await cluster.key(a_key())
    except BackendUnavailableError:
        written = value(cluster)
        cluster.ledger.fails_after = None
        await cluster.key(a_key())
        assert value(cluster) == written

    assert cluster.works("app")
    assert len(cluster.ledger.by_id) == 1


@pytest.mark.parametrize(
    ("state", "why"), [("foreign", "SecretConflict"), ("forbidden", "SecretForbidden")]
)
async def test_a_secret_of_somebody_else_is_not_touched(state: Any, why: str) -> None:
    cluster = await a_cluster()
    cluster.secrets["app"] = ObservedSecret(state, "something")
    cluster.on_write = cluster.cannot_be_written

    done = await cluster.key(a_key())

    assert reason(done.status) == why
    assert "Secret `app`" in done.status.conditions[0].message
    assert cluster.ledger.by_id == {}


@pytest.mark.parametrize("wrong", ["", "sk-other", "sk-tintype-short", None])
async def test_a_secret_that_was_damaged_gets_a_new_key(wrong: str | None) -> None:
    cluster = await a_cluster()
    await cluster.key(a_key())
    cluster.secrets["app"] = ObservedSecret("own", wrong)

    await cluster.key(a_key())

    assert cluster.works("app")


async def test_a_key_that_an_administrator_revoked_is_replaced() -> None:
    cluster = await a_cluster()
    await cluster.key(a_key())
    leaked = value(cluster)
    await cluster.ledger.revoke_key(id_of(leaked), author=AUTHOR)

    await cluster.key(a_key())

    assert cluster.works("app")
    assert not is_valid(cluster, leaked)


async def test_a_secret_without_the_url_gets_it_beside_the_same_key() -> None:
    cluster = await a_cluster()
    await cluster.key(a_key())
    secret = value(cluster)
    cluster.secrets["app"] = ObservedSecret("own", secret, is_complete=False)

    await cluster.key(a_key())

    assert cluster.secrets["app"] == ObservedSecret("own", secret)


async def test_another_account_gets_a_key_of_its_own() -> None:
    cluster = await a_cluster()
    await cluster.account(an_object(Account, "other", {}))
    await cluster.key(a_key())

    done = await cluster.key(a_key(account="other"))

    assert cluster.ledger.by_id[str(done.status.key_id)].account == "other"
    assert cluster.works("app")


async def test_the_expiry_follows_the_spec() -> None:
    cluster = await a_cluster()
    await cluster.key(a_key())
    for wanted in ("2026-03-02T12:00:00Z", "2026-03-03T12:00:00+01:00"):
        done = await cluster.key(a_key(expiresAt=wanted))
        assert reason(done.status) == "Ready"
    assert done.status.expires_at == "2026-03-03T11:00:00Z"
    assert done.look_again_at == NOON + 47 * HOUR

    never = await cluster.key(a_key())

    assert never.status.expires_at is None
    assert len(cluster.ledger.by_id) == 1


async def test_an_expired_key_is_not_replaced_until_the_expiry_is_changed() -> None:
    cluster = await a_cluster()
    await cluster.key(a_key(**ROTATED))
    cluster.ledger.now = NOON + HOUR

    ended = await cluster.key(a_key(**ROTATED, expiresAt="2026-03-01T12:30:00Z"))

    assert not cluster.works("app")
    assert reason(ended.status) == "Expired"
    assert len(cluster.ledger.by_id) == 1
    await cluster.key(a_key(**ROTATED))
    assert cluster.works("app")


async def test_a_key_waits_for_its_account() -> None:
    cluster = Cluster()

    done = await cluster.key(a_key())

    assert reason(done.status) == "AccountMissing"
    assert cluster.secrets == {}


def test_the_id_of_a_key_follows_from_its_secret() -> None:
    secret = new_secret()

    assert id_of(secret) == id_of(secret) != id_of(new_secret())
    assert digest(secret).hex().startswith(id_of(secret).removeprefix("key-"))
