"""`tintype ledger`, `tintype accounts` and `tintype keys`, on both engines."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tintype_cli.__main__ import main
from tintype_gateway.ledger import Caller, KeyExpiredError, KeyRevokedError, LedgerError
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import take

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A `tintype` that works on the ledger, and gives exit code, output and errors."""
    monkeypatch.setenv("TINTYPE_DATABASE_URL", store.url)

    def run(command: str) -> tuple[int, str, str]:
        try:
            code = main(command.split())
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def refusal_of(store: Store, secret: str) -> type[LedgerError] | None:
    """Return why a secret opens nothing, None: it opens the account `studio`."""

    async def authenticate() -> type[LedgerError] | None:
        ledger = store.open()
        try:
            assert (await ledger.authenticate(secret)).account == "studio"
        except LedgerError as error:
            return type(error)
        finally:
            await ledger.close()
        return None

    return asyncio.run(authenticate())


def key_of(out: str) -> tuple[str, str]:
    """Return the id and the secret of a key that was made."""
    key_id, secret = out.strip().split("\t")
    return key_id, secret


def test_a_sound_ledger_is_counted(run: Run, store: Store) -> None:
    async def charge() -> None:
        ledger = store.open()
        await ledger.settle(await take(ledger, Caller("studio", "key-1"), 400), 150, images=1)
        await ledger.close()

    run("accounts create studio --credits 1")
    asyncio.run(charge())

    code, out, err = run("ledger audit")

    figures = dict(line.split("\t") for line in out.splitlines())
    assert (code, err) == (0, "")
    assert (figures["entries"], figures["problems"]) == ("4", "0")
    assert figures["undelivered charges"] == "1"


def test_a_ledger_that_does_not_add_up_fails_and_says_where(run: Run, store: Store) -> None:
    run("accounts create studio --credits 1")
    asyncio.run(store.execute("UPDATE account SET balance = 5 WHERE name = 'studio'"))

    code, out, err = run("ledger audit")

    assert code == 1
    assert "problems\t1" in out
    assert "account studio has the balance 5, its entries add up to 1000000" in err


def test_old_postings_are_archived_and_the_file_is_verified(
    run: Run, store: Store, tmp_path: Path
) -> None:
    async def open_long_ago() -> None:
        ledger = store.open(lambda: time.time() - 100 * 24 * 3600)
        await ledger.create_account("studio", credits_micro=1000)
        await ledger.close()

    asyncio.run(open_long_ago())
    file = tmp_path / "old.jsonl.gz"

    archived = run(f"ledger archive --before 90d --to {file}")
    again = run(f"ledger archive --before 90d --to {file}")
    verified = run(f"ledger audit --verify {file}")

    assert (archived[0], archived[2]) == (0, "")
    assert f"postings\t1\nfile\t{file}" in archived[1]
    assert again == (1, "", f"tintype ledger: {file} exists already\n")
    assert verified == (0, "problems\t0\n", "")
    _, audit, _ = run("ledger audit")
    assert "archived postings\t1" in audit.splitlines()


@pytest.mark.parametrize("date", ["yesterday", "2026-02-30", "90"])
def test_a_date_that_cannot_be_read_is_refused(run: Run, date: str) -> None:
    code, _, err = run(f"ledger archive --before {date} --to old.jsonl.gz")

    assert (code, "must be a day such as 2026-01-31, or 90d" in err) == (2, True)


def test_a_database_is_migrated_as_often_as_one_likes(run: Run) -> None:
    assert [run("ledger migrate")[0] for _ in range(2)] == [0, 0]
    assert run("accounts list") == (0, "", "")


def test_an_account_is_shown_with_its_limits_and_keys_and_use(run: Run, store: Store) -> None:
    run(
        "accounts create studio --credits 2 --models dall-e-3,gpt-image-1"
        " --requests-per-minute 10 --images-per-minute 20 --response-profile openai"
    )
    _, out, _ = run("keys create --account studio")

    _, shown, _ = run("accounts show studio")

    assert shown.splitlines()[:6] == [
        "studio\t2 credits\t0 held",
        "models\tdall-e-3\tgpt-image-1",
        "requests a minute\t10",
        "images a minute\t20",
        "response profile\topenai",
        "calls a minute\t100 (default)",
    ]
    assert shown.splitlines()[6].startswith(key_of(out)[0])


def test_limits_that_are_not_named_stay_as_they_are(run: Run) -> None:
    run("accounts create studio --models dall-e-3 --requests-per-minute 10")
    run("accounts set studio --models all --images-per-minute 20 --response-profile openai")
    _, shown, _ = run("accounts set studio --requests-per-minute unlimited")

    assert shown.splitlines()[1:] == [
        "models\tall",
        "requests a minute\tunlimited",
        "images a minute\t20",
        "response profile\topenai",
        "calls a minute\t600 (default)",
    ]


def test_a_profile_can_be_given_up_and_must_be_known(run: Run) -> None:
    run("accounts create studio --response-profile openai")

    _, shown, _ = run("accounts set studio --response-profile default")
    code, _, err = run("accounts set studio --response-profile azure")

    assert "response profile\tdefault" in shown.splitlines()
    assert (code, "router, openai or `default`" in err) == (2, True)


def test_a_limit_of_calls_is_set_shown_and_taken_back(run: Run) -> None:
    run("accounts create studio --calls-per-minute 30")
    _, shown, _ = run("accounts show studio")
    assert "calls a minute\t30" in shown.splitlines()

    _, shown, _ = run("accounts set studio --calls-per-minute default")
    assert "calls a minute\t600 (default)" in shown.splitlines()


def test_a_balance_is_corrected_down_for_a_reason(run: Run) -> None:
    run("accounts create studio --credits 1")

    _, out, _ = run("accounts adjust studio --credits -2.5 --reason typo")
    code, _, err = run("accounts adjust studio --credits 1")

    assert out == "studio\t-1.5 credits\t0 held\n"
    assert (code, "--reason" in err) == (2, True)


def test_keys_are_listed_with_their_ends_and_without_their_secrets(run: Run) -> None:
    run("accounts create studio")
    keys = [
        key_of(run(f"keys create --account studio{end}")[1])
        for end in ("", " --expires-in 90d", "")
    ]
    run(f"keys revoke {keys[2][0]}")

    _, out, _ = run("keys list --account studio")

    ends = dict(re.findall(r"^(key-\S+)\tcreated [^\t]+\t(\w+)", out, re.MULTILINE))
    assert ends == {keys[0][0]: "does", keys[1][0]: "expires", keys[2][0]: "revoked"}
    assert not any(secret in out for _, secret in keys)


def test_a_rotated_key_ends_now_or_after_a_while(run: Run, store: Store) -> None:
    run("accounts create studio")
    first_id, first = key_of(run("keys create --account studio")[1])
    second_id, second = key_of(run(f"keys rotate {first_id}")[1])
    _, third = key_of(run(f"keys rotate {second_id} --keep-old-for 1h")[1])

    assert [refusal_of(store, key) for key in (first, second, third)] == [
        KeyRevokedError,
        None,
        None,
    ]


def test_a_key_expires_at_the_requested_time(run: Run, store: Store) -> None:
    run("accounts create studio")
    _, secret = key_of(run("keys create --account studio --expires-in 0s")[1])

    assert refusal_of(store, secret) is KeyExpiredError


@pytest.mark.parametrize(
    "command",
    [
        "keys create --account studio --expires-in soon",
        "keys rotate key-1 --keep-old-for 1.5h",
        "accounts create studio --requests-per-minute many",
        "accounts adjust studio --credits some --reason typo",
        "ledger",
    ],
)
def test_what_cannot_be_read_is_explained(run: Run, command: str) -> None:
    code, _, err = run(command)

    assert code == 2
    assert err.startswith("usage: tintype")


def test_a_rate_of_nothing_is_refused_in_one_line(run: Run) -> None:
    code, _, err = run("accounts create studio --images-per-minute 0")

    assert code == 1
    assert err == "tintype accounts: a rate must be 1 to 1000000 a minute, not 0\n"
