"""Deletions end keys and give up accounts, also those that no event told."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_accounts.api_keys import digest, id_of, new_secret
from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.documents import AccountSettings, Author, KeySettings
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import connect_admin
from tintype_operator.accounts.deletions import Deletions
from tintype_operator.accounts.loss_guard import ACCEPT_LOSS
from tintype_operator.accounts.store import AccountStore
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_operator.watch.cache import Key
from tintype_testing.account_manifests import account, api_key
from tintype_testing.admin import admin_server, token_of
from tintype_testing.ledgers import opened

SETTINGS = Settings(owner="images/tintype")
AUTHOR = Author(kind="resource", name="a test")


@dataclass
class Cluster:
    """The objects of a namespace, and the Events of it."""

    objects: list[KubernetesObject] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, manifest: dict[str, Any], uid: str) -> KubernetesObject:
        metadata = {"namespace": "images", "uid": uid, "resourceVersion": "5", "generation": 1}
        found = manifest | {"metadata": manifest["metadata"] | metadata}
        self.objects.append(found)
        return found

    async def handle(self, request: web.Request) -> web.Response:
        plural = request.path.split("/")[6 if request.path.startswith("/apis/") else 5]
        if request.method == "POST":
            self.events.append(json.loads(await request.text()))
            return web.json_response({})
        if plural == "configmaps":
            metadata = {
                "name": "tintype-catalog",
                "namespace": "images",
                "uid": "u",
                "resourceVersion": "1",
                "annotations": self.annotations,
            }
            found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
            return web.json_response(found)
        items = [each for each in self.objects if f"{each['kind'].lower()}s" == plural]
        return web.json_response({"items": items, "metadata": {"resourceVersion": "9"}})


@dataclass
class Scene:
    """A cluster, a ledger, and what is between them."""

    cluster: Cluster
    admin: AdminClient
    store: AccountStore
    deletions: Deletions
    changed: set[Key]
    """What lists showed to have changed."""

    async def own_account(self, name: str, deletion_policy: str = "retain") -> None:
        settings = AccountSettings.model_validate({"deletion_policy": deletion_policy})
        owner = f"images/tintype:images/{name}"
        await self.admin.put_account(name, settings, owner=owner, author=AUTHOR)

    async def own_key(self, name: str, uid: str) -> str:
        """Register a key of an ApiKey, and return its id."""
        secret = new_secret()
        settings = KeySettings(
            account="team",
            sha256=digest(secret).hex(),
            owner=f"images/tintype:images/{name}:{uid}",
        )
        await self.admin.put_key(id_of(secret), settings, author=AUTHOR)
        return id_of(secret)

    async def active(self) -> set[str]:
        return {key.id for key in await self.admin.keys("", active=True)}

    async def owner(self, name: str) -> str | None:
        found = await self.admin.account(name)
        assert found is not None
        return found.owner


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A ledger with the account `team`, whose Account exists."""
    cluster = Cluster()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving(cluster.handle))
        ledger = await stack.enter_async_context(opened(f"sqlite:///{tmp_path / 'ledger.db'}"))
        url = await stack.enter_async_context(admin_server(ledger, tmp_path / "tokens"))
        (tmp_path / "token").write_text(token_of("admin"))
        admin = AdminClient(await stack.enter_async_context(connect_admin(url, tmp_path / "token")))
        changed: set[Key] = set()
        store = AccountStore(client, "images", "", Liveness(), changed.add)
        deletions = Deletions(client, admin, store, "images", SETTINGS)
        found = Scene(cluster, admin, store, deletions, changed)
        cluster.add(account("team"), "team-uid")
        await found.own_account("team")
        yield found


async def test_a_deleted_api_key_ends_its_keys_and_no_others(scene: Scene) -> None:
    gone = scene.cluster.add(api_key("web"), "u1")
    for_web = [await scene.own_key("web", "u1") for _ in range(2)]
    other = await scene.own_key("web", "u2")
    assert await scene.active() == {*for_web, other}

    scene.deletions.add(gone)
    await scene.deletions.carry_out(("ApiKey", "web"))

    assert await scene.active() == {other}


async def test_a_deletion_is_carried_out_again_after_a_failure(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = scene.cluster.add(api_key("web"), "u1")
    await scene.own_key("web", "u1")
    scene.deletions.add(gone)

    async def away(*_: object, **__: object) -> None:
        raise BackendUnavailableError("no gateway")

    with monkeypatch.context() as patch:
        patch.setattr(scene.admin, "revoke_key", away)
        with pytest.raises(BackendUnavailableError):
            await scene.deletions.carry_out(("ApiKey", "web"))
    await scene.deletions.carry_out(("ApiKey", "web"))

    assert await scene.active() == set()


async def test_a_deleted_account_is_given_up_as_its_policy_says(scene: Scene) -> None:
    await scene.own_account("guests", "suspend")
    gone = scene.cluster.add(account("guests"), "u1")

    scene.deletions.add(gone)
    await scene.deletions.carry_out(("Account", "guests"))

    found = await scene.admin.account("guests")
    assert found is not None
    assert (found.owner, found.suspended) == (None, True)


async def test_an_account_that_was_created_again_is_kept(scene: Scene) -> None:
    await scene.store.relist()
    gone = account("team") | {"metadata": scene.cluster.objects[0]["metadata"] | {"uid": "before"}}

    scene.deletions.add(gone)
    await scene.deletions.carry_out(("Account", "team"))

    assert await scene.owner("team") == "images/tintype:images/team"


async def test_a_missed_deletion_is_found_by_the_uid(scene: Scene) -> None:
    scene.cluster.add(api_key("web"), "now")
    before, now = await scene.own_key("web", "before"), await scene.own_key("web", "now")
    await scene.own_account("guests")
    assert before != now

    assert await scene.deletions.sweep()

    assert await scene.active() == {now}
    assert await scene.owner("guests") is None
    assert await scene.owner("team") is not None


async def test_what_the_look_for_deletions_finds_new_is_told(scene: Scene) -> None:
    await scene.store.relist()
    scene.changed.clear()
    scene.cluster.add(api_key("web"), "u1")

    assert await scene.deletions.sweep()

    assert scene.changed == {("ApiKey", "web")}


async def test_what_other_operators_own_is_left_alone(scene: Scene) -> None:
    secret = new_secret()
    for owner in ("images/tintype:another/web:u1", "images/other:images/web:u1"):
        settings = KeySettings(account="team", sha256=digest(secret).hex(), owner=owner)
        await scene.admin.put_key(id_of(secret), settings, author=AUTHOR)
        secret = new_secret()
    await scene.admin.put_account("x", AccountSettings(), owner="x:images/x", author=AUTHOR)
    before = await scene.active()

    assert await scene.deletions.sweep()

    assert await scene.active() == before
    assert len(before) == 2
    assert await scene.owner("x") == "x:images/x"


async def test_the_loss_of_most_keys_waits_for_a_person(scene: Scene) -> None:
    keys = {await scene.own_key(f"key-{number}", "u") for number in range(12)}

    assert not await scene.deletions.sweep()
    assert not await scene.deletions.sweep()

    assert await scene.active() == keys
    (event,) = scene.cluster.events
    assert event["reason"] == "DeletionsRefused"
    assert "12 of 13" in event["message"]
    word = event["message"].split(f"{ACCEPT_LOSS}=")[1].split("`")[0]
    scene.cluster.annotations[ACCEPT_LOSS] = word
    assert await scene.deletions.sweep()
    assert await scene.active() == set()


async def test_an_accepted_loss_accepts_no_other(scene: Scene) -> None:
    for number in range(12):
        await scene.own_key(f"key-{number}", "u")
    await scene.deletions.sweep()
    (event,) = scene.cluster.events
    word = event["message"].split(f"{ACCEPT_LOSS}=")[1].split("`")[0]
    scene.cluster.annotations[ACCEPT_LOSS] = word

    await scene.own_key("another", "u")

    assert not await scene.deletions.sweep()
    assert len(await scene.active()) == 13


async def test_nothing_ends_when_the_objects_cannot_be_listed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await scene.own_key("web", "u1")

    async def broken(request: web.Request) -> web.Response:
        return refusing(500, "InternalError")

    async with serving(broken) as client:
        store = AccountStore(client, "images", "", Liveness())
        deletions = Deletions(client, scene.admin, store, "images", SETTINGS)
        with pytest.raises(Exception, match="InternalError"):
            await deletions.sweep()

    assert await scene.active() == {key}
