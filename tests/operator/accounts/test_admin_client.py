"""The operator's client and the gateways' admin API understand each other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from tests.operator.accounts.test_admin_http import admin_api
from tintype_accounts.api_keys import digest, id_of, new_secret
from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
)
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    GrantSettings,
    KeySettings,
    PolicySettings,
)
from tintype_operator.accounts import admin_client
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import TokenRefusedError, connect_admin
from tintype_operator.accounts.change_log import change_of
from tintype_testing.admin import admin_server, token_of
from tintype_testing.ledgers import opened
from tintype_testing.manifests import image_model

OWNER = "images/tintype:images/team"

AUTHOR = Author(
    kind="resource", name="Account images/team", details={"uid": "u1", "fieldManager": "argocd"}
)

SETTINGS = AccountSettings(
    display_name="The team",
    policy=PolicySettings(models=("canvas",), requests_per_minute=60),
    deletion_policy="suspend",
)


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[AdminClient]:
    """A client with the role `admin`, of an empty ledger in a file."""
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(opened(f"sqlite:///{tmp_path / 'ledger.db'}"))
        url = await stack.enter_async_context(admin_server(ledger, tmp_path / "tokens"))
        token = tmp_path / "token"
        token.write_text(token_of("admin"))
        http = await stack.enter_async_context(connect_admin(url, token))
        yield AdminClient(http)


def key_settings(secret: str, account: str = "team", **more: object) -> KeySettings:
    own = {"account": account, "sha256": digest(secret).hex(), "owner": f"{OWNER}:u1"}
    return KeySettings.model_validate(own | more)


async def test_an_account_is_created_read_changed_and_released(admin: AdminClient) -> None:
    assert await admin.account("team") is None

    created = await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)

    assert (created.settings, created.owner, created.balance) == (SETTINGS, OWNER, 0)
    assert await admin.account("team") == created
    await admin.release_account("team", owner=OWNER, author=AUTHOR)
    released = await admin.account("team")
    assert released is not None
    assert (released.owner, released.suspended) == (None, True)


async def test_settings_that_are_left_out_become_the_defaults_again(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)

    changed = await admin.put_account("team", AccountSettings(), owner=OWNER, author=AUTHOR)

    assert changed.settings == AccountSettings()


async def test_an_account_of_another_owner_is_refused(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner="another:images/team", author=AUTHOR)

    with pytest.raises(AccountOwnedError, match="another:images/team"):
        await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    await admin.release_account("team", owner=OWNER, author=AUTHOR)  # it is not this owner's

    found = await admin.account("team")
    assert found is not None
    assert found.owner == "another:images/team"


async def test_accounts_are_listed_by_the_beginning_of_their_owner(admin: AdminClient) -> None:
    for name, owner in (("a", "x:images/a"), ("b", "x:other/b"), ("c", "y:images/c")):
        await admin.put_account(name, SETTINGS, owner=owner, author=AUTHOR)

    assert [each.name for each in await admin.accounts("x:images/")] == ["a"]


async def test_an_account_with_an_unusual_name_is_found(admin: AdminClient) -> None:
    for name in ("k8s:prod/painter", "a b", "50%", "a?b#c"):
        await admin.put_account(name, SETTINGS, owner=OWNER, author=AUTHOR)

        found = await admin.account(name)

        assert found is not None
        assert found.name == name


async def test_a_key_is_registered_limited_and_revoked(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    secret = new_secret()
    end = datetime(2031, 1, 1, tzinfo=UTC)

    await admin.put_key(id_of(secret), key_settings(secret), author=AUTHOR)
    await admin.put_key(id_of(secret), key_settings(secret), author=AUTHOR)
    await admin.set_key_expiry(id_of(secret), end, author=AUTHOR)

    (key,) = await admin.keys(f"{OWNER}:")
    assert (key.id, key.account, key.expires_at) == (id_of(secret), "team", end)
    await admin.revoke_key(key.id, author=AUTHOR)
    await admin.revoke_key(key.id, author=AUTHOR)
    assert await admin.keys(f"{OWNER}:", active=True) == []
    (revoked,) = await admin.keys(f"{OWNER}:")
    assert revoked.revoked_at is not None


async def test_a_key_that_does_not_exist_is_as_good_as_revoked(admin: AdminClient) -> None:
    await admin.revoke_key("key-0", author=AUTHOR)


async def test_a_key_of_an_unknown_account_is_refused(admin: AdminClient) -> None:
    secret = new_secret()

    with pytest.raises(AccountMissingError):
        await admin.put_key(id_of(secret), key_settings(secret), author=AUTHOR)


async def test_another_key_under_the_same_id_is_refused(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    one, other = new_secret(), new_secret()
    await admin.put_key(id_of(one), key_settings(one), author=AUTHOR)

    with pytest.raises(KeyConflictError):
        await admin.put_key(id_of(one), key_settings(other), author=AUTHOR)


async def test_more_keys_than_a_page_has_are_all_listed(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_client, "PAGE", 2)
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    secrets = [new_secret() for _ in range(5)]
    for secret in secrets:
        await admin.put_key(id_of(secret), key_settings(secret), author=AUTHOR)

    found = await admin.keys(OWNER)

    assert sorted(each.id for each in found) == sorted(map(id_of, secrets))


async def test_a_grant_is_paid_once(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    grant = GrantSettings(account="team", micro_credits=5_000_000, reason="a test")
    assert await admin.grant("images/march") is None

    first = await admin.put_grant("images/march", grant, author=AUTHOR)
    second = await admin.put_grant("images/march", grant, author=AUTHOR)

    assert first == second == await admin.grant("images/march")
    account = await admin.account("team")
    assert account is not None
    assert account.balance == 5_000_000


async def test_another_content_of_a_grant_is_refused(admin: AdminClient) -> None:
    await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)
    grant = GrantSettings(account="team", micro_credits=1, reason="a test")
    await admin.put_grant("march", grant, author=AUTHOR)

    with pytest.raises(GrantConflictError):
        await admin.put_grant("march", grant.model_copy(update={"micro_credits": 2}), author=AUTHOR)
    with pytest.raises(AccountMissingError):
        await admin.put_grant(
            "april", GrantSettings(account="x", micro_credits=1, reason="r"), author=AUTHOR
        )


async def test_a_role_that_is_too_low_is_said_so(admin: AdminClient, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token_of("viewer"))

    with pytest.raises(TokenRefusedError, match="viewer"):
        await admin.put_account("team", SETTINGS, owner=OWNER, author=AUTHOR)


async def test_fields_that_only_a_newer_gateway_knows_are_ignored(tmp_path: Path) -> None:
    policy = {"requests_per_minute": 60, "of_a_later_version": True}

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"name": "team", "policy": policy, "of_a_later_version": 1})

    async with admin_api(handler, tmp_path) as http:
        found = await AdminClient(http).account("team")

    assert found == AccountState(name="team", policy=PolicySettings(requests_per_minute=60))


async def test_a_response_without_what_is_needed_asks_for_newer_gateways(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"object": "account", "balance": "none"})

    async with admin_api(handler, tmp_path) as http:
        with pytest.raises(BackendUnavailableError, match="balance, name: upgrade the gateways"):
            await AdminClient(http).account("team")


async def test_changes_of_a_model_are_recorded_once(admin: AdminClient) -> None:
    model = image_model("canvas")
    model["metadata"] |= {
        "namespace": "images",
        "uid": "u1",
        "generation": 2,
        "resourceVersion": "7",
        "creationTimestamp": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    }
    changes = [
        change_of("update", model, before={"id": "before"}, after=model["spec"]),
        change_of("delete", model, before=model["spec"], after=None),
    ]

    await admin.record_changes(changes)
    await admin.record_changes(changes)

    logged = (await admin.http.call("GET", "/audit", query={"kind": "model"}))["data"]
    assert [(each["action"], each["id"]) for each in logged] == [
        ("delete", changes[1]["id"]),
        ("update", changes[0]["id"]),
    ]
    assert logged[1]["before"] == {"id": "before"}
    assert logged[1]["author"]["details"]["uid"] == "u1"
