"""The manifests of a folder, applied to a real ledger."""

import json
import logging
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tintype_accounts.planning.conditions import STATES
from tintype_gateway.accounts_folder.applying import RETRY, AccountsFolder
from tintype_gateway.accounts_folder.ledger_backend import LedgerBackend
from tintype_gateway.accounts_folder.manifests import parse_manifests
from tintype_gateway.accounts_folder.removing import GRACE_SECONDS, Removals
from tintype_gateway.ledger.errors import InvalidKeyError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_testing.ledgers import Clock
from tintype_testing.manifests import Manifest
from tintype_testing.metrics import metric


def manifest(kind: str, name: str, namespace: str | None = None, **spec: Any) -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    api_version = "tintype.dev/v1alpha1"
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


ACCOUNT = manifest("Account", "acme", displayName="Acme", models=["a", "b"])
KEY = manifest("ApiKey", "app", account="acme", secret={"name": "app-openai"})
GRANT = manifest("CreditGrant", "march", account="acme", credits="25.5", reason="March")


class Applied:
    """A folder of manifests, applied to a ledger whose time the test sets."""

    def __init__(self, ledger: Ledger, clock: Clock, data_dir: Path) -> None:
        self.ledger, self.clock, self.data_dir = ledger, clock, data_dir
        backend = LedgerBackend(ledger)
        self.folder = AccountsFolder(backend, data_dir, self.now)
        self._removals = Removals(backend, data_dir)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    async def apply(self, *manifests: Manifest) -> datetime | None:
        parsed = parse_manifests(manifests)
        again = await self.folder.apply(parsed)
        removal = await self._removals.end_missing(parsed, self.now())
        return min((time for time in (again, removal) if time), default=None)

    @property
    def key_path(self) -> Path:
        return self.data_dir / "keys" / "app-openai" / "OPENAI_API_KEY"

    async def works(self, secret: str) -> bool:
        try:
            return (await self.ledger.authenticate(secret)).account == "acme"
        except InvalidKeyError:
            return False


@pytest.fixture
async def applied(tmp_path: Path) -> AsyncIterator[Applied]:
    clock = Clock()
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    yield Applied(ledger, clock, tmp_path)
    await ledger.close()


async def test_an_account_a_grant_and_a_key_make_a_file_that_works(applied: Applied) -> None:
    await applied.apply(GRANT, KEY, ACCOUNT)

    account = await applied.ledger.account("acme")
    assert (account.balance, account.display_name) == (25_500_000, "Acme")
    assert account.policy.models == frozenset({"a", "b"})
    assert account.owner == "folder:default/acme"
    assert await applied.works(applied.key_path.read_text())
    assert stat.S_IMODE(applied.key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(applied.key_path.parent.stat().st_mode) == 0o700


async def test_applying_the_same_again_records_no_change(applied: Applied) -> None:
    await applied.apply(ACCOUNT, KEY, GRANT)
    secret = applied.key_path.read_text()
    before = await applied.ledger.changes()

    await applied.apply(ACCOUNT, KEY, GRANT)

    assert await applied.ledger.changes() == before
    assert applied.key_path.read_text() == secret
    assert {change.author.kind for change in before} == {"folder"}
    assert {change.author.name for change in before} == {
        "Account default/acme",
        "ApiKey default/app",
        "CreditGrant default/march",
    }


async def test_what_the_folder_no_longer_says_is_ended_after_a_grace_period(
    applied: Applied,
) -> None:
    await applied.apply(ACCOUNT, KEY, GRANT)
    secret = applied.key_path.read_text()

    again = await applied.apply(GRANT)
    assert again == applied.now() + timedelta(seconds=GRACE_SECONDS)
    assert await applied.works(secret)
    applied.clock.advance(GRACE_SECONDS)
    await applied.apply(GRANT)

    assert not await applied.works(secret)
    assert not applied.key_path.parent.exists()
    account = await applied.ledger.account("acme")
    assert (account.owner, account.balance, account.suspended) == (None, 25_500_000, False)


async def test_files_that_are_missing_for_a_moment_end_nothing(applied: Applied) -> None:
    await applied.apply(ACCOUNT, KEY)
    await applied.apply()
    applied.clock.advance(GRACE_SECONDS - 1)
    await applied.apply(ACCOUNT, KEY)
    applied.clock.advance(GRACE_SECONDS)

    await applied.apply(ACCOUNT, KEY)

    assert await applied.works(applied.key_path.read_text())


async def test_a_deletion_policy_suspends_the_account(applied: Applied) -> None:
    await applied.apply(manifest("Account", "acme", deletionPolicy="Suspend"))
    await applied.apply()
    applied.clock.advance(GRACE_SECONDS)

    await applied.apply()

    assert (await applied.ledger.account("acme")).suspended


async def test_an_account_under_another_name_gives_up_the_one_before(applied: Applied) -> None:
    await applied.apply(ACCOUNT)
    renamed = manifest("Account", "acme", accountName="acme/2")
    await applied.apply(renamed)
    applied.clock.advance(GRACE_SECONDS)

    await applied.apply(renamed)

    assert (await applied.ledger.account("acme")).owner is None
    assert (await applied.ledger.account("acme/2")).owner == "folder:default/acme"


async def test_a_manifest_that_is_wrong_ends_nothing_and_hinders_no_other(
    applied: Applied, caplog: pytest.LogCaptureFixture
) -> None:
    await applied.apply(ACCOUNT, KEY)
    secret = applied.key_path.read_text()
    misspelled = manifest("Account", "acme", sspended=True)
    wrong_key = manifest("ApiKey", "app", acount="acme")
    for _ in range(2):
        await applied.apply(misspelled, wrong_key, manifest("Account", "other"))
        applied.clock.advance(GRACE_SECONDS)

    assert await applied.works(secret)
    assert (await applied.ledger.account("acme")).owner == "folder:default/acme"
    assert (await applied.ledger.account("other")).owner == "folder:default/other"
    told = [vars(record) for record in caplog.records if record.levelno == logging.WARNING]
    assert [(each["object"], each["reason"], each["cause"]) for each in told] == [
        ("Account/acme", "Invalid", "`spec.sspended`: unknown field."),
        ("ApiKey/app", "Invalid", "`spec.acount`: unknown field."),
    ]


async def test_a_file_of_somebody_else_is_not_touched(
    applied: Applied, caplog: pytest.LogCaptureFixture
) -> None:
    applied.key_path.parent.mkdir(parents=True)
    applied.key_path.write_text("mine")

    await applied.apply(ACCOUNT, KEY)

    assert applied.key_path.read_text() == "mine"
    assert await applied.ledger.list_keys("acme") == []
    assert "SecretConflict" in [vars(record).get("reason") for record in caplog.records]


async def test_only_the_key_is_deleted_from_a_folder_with_other_files(applied: Applied) -> None:
    await applied.apply(ACCOUNT, KEY)
    note = applied.key_path.parent / "NOTE"
    note.write_text("mine")

    for _ in range(2):
        await applied.apply(ACCOUNT)
        applied.clock.advance(GRACE_SECONDS)

    assert [path.name for path in applied.key_path.parent.iterdir()] == ["NOTE"]


async def test_a_key_under_another_name_leaves_no_file_under_the_one_before(
    applied: Applied,
) -> None:
    await applied.apply(ACCOUNT, KEY)
    secret = {"name": "app-openai", "key": "API_KEY"}

    await applied.apply(ACCOUNT, KEY | {"spec": {"account": "acme", "secret": secret}})

    assert not applied.key_path.exists()
    assert await applied.works((applied.key_path.parent / "API_KEY").read_text())


@pytest.mark.parametrize("content", [b"", b"\xff\n../../escape", b"folder:default/app:"])
async def test_an_owners_file_that_was_damaged_is_of_somebody_else(
    applied: Applied, content: bytes
) -> None:
    (applied.data_dir / "escape").write_text("mine")
    await applied.apply(ACCOUNT, KEY)
    (applied.key_path.parent / ".owner").write_bytes(content)

    await applied.apply(ACCOUNT, KEY)
    await applied.apply(ACCOUNT)
    applied.clock.advance(GRACE_SECONDS)
    await applied.apply(ACCOUNT)

    assert applied.key_path.exists()
    assert (applied.data_dir / "escape").read_text() == "mine"


async def test_two_keys_never_share_a_file(applied: Applied) -> None:
    other = manifest("ApiKey", "other", account="acme", secret={"name": "app-openai"})

    await applied.apply(ACCOUNT, KEY, other)

    assert len(await applied.ledger.list_keys("acme")) == 1


async def test_a_deleted_file_gets_a_new_key(applied: Applied) -> None:
    await applied.apply(ACCOUNT, KEY)
    first = applied.key_path.read_text()
    applied.key_path.unlink()

    await applied.apply(ACCOUNT, KEY)

    assert applied.key_path.read_text() != first
    assert await applied.works(applied.key_path.read_text())


async def test_a_key_is_rotated_when_its_time_has_come(applied: Applied) -> None:
    rotated = KEY | {
        "spec": KEY["spec"] | {"rotation": {"interval": "24h", "overlap": "1h"}},
    }
    again = await applied.apply(ACCOUNT, rotated)
    first = applied.key_path.read_text()
    assert again == applied.now() + timedelta(hours=24)

    applied.clock.advance(24 * 3600)
    await applied.apply(ACCOUNT, rotated)

    second = applied.key_path.read_text()
    assert first != second
    assert await applied.works(first)
    applied.clock.advance(3600)
    assert not await applied.works(first)
    assert await applied.works(second)


async def test_keys_are_never_logged(applied: Applied, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await applied.apply(ACCOUNT, KEY, GRANT)
    secret = applied.key_path.read_text()

    logged = json.dumps([vars(record) for record in caplog.records], default=repr)
    recorded = repr(await applied.ledger.changes())

    assert "ApiKey/app" in logged
    assert secret not in logged + recorded


async def test_objects_refer_to_accounts_of_their_own_namespace(applied: Applied) -> None:
    here = manifest("Account", "acme", "here", accountName="here/acme")
    there = manifest("CreditGrant", "march", "there", account="acme", credits="1", reason="x")

    again = await applied.apply(here, there)

    assert (await applied.ledger.account("here/acme")).balance == 0
    assert again is not None, "the grant waits"


async def test_a_file_that_cannot_be_written_is_tried_again_and_hinders_no_other(
    applied: Applied, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    in_the_way = applied.data_dir / "keys"
    in_the_way.write_text("")

    again = await applied.apply(ACCOUNT, KEY, GRANT)

    assert again == applied.now() + RETRY
    assert (await applied.ledger.account("acme")).balance == 25_500_000
    told = {vars(record)["object"]: vars(record)["cause"] for record in caplog.records}
    assert "Not a directory" in told["ApiKey/app"]
    in_the_way.unlink()
    await applied.apply(ACCOUNT, KEY, GRANT)
    assert await applied.works(applied.key_path.read_text())


async def test_a_ledger_that_is_away_is_asked_again_soon(
    applied: Applied, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await applied.ledger.close()

    for _ in range(2):
        parsed = parse_manifests([ACCOUNT, GRANT])
        assert await applied.folder.apply(parsed) == applied.now() + RETRY

    told = [(vars(each)["object"], vars(each)["reason"]) for each in caplog.records]
    assert told == [
        ("Account/acme", "GatewayUnavailable"),
        ("CreditGrant/march", "GatewayUnavailable"),
    ]


async def test_a_metric_counts_the_manifests_by_state(applied: Applied) -> None:
    waiting = manifest("ApiKey", "waits", account="nobody")
    await applied.apply(ACCOUNT, GRANT, waiting, manifest("Account", "wrong", sspended=True))

    counts = {state: metric("tintype_folder_manifests", state=state) for state in STATES}
    assert counts == {"ready": 2, "reconciling": 1, "stalled": 1}


async def test_the_first_of_two_manifests_with_one_name_counts(applied: Applied) -> None:
    await applied.apply(ACCOUNT, manifest("Account", "acme", "default", displayName="Other"))

    assert (await applied.ledger.account("acme")).display_name == "Acme"
