"""What the operator writes to objects, and when it writes nothing."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import serving
from tintype_accounts.api_keys import digest, id_of, new_secret
from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.documents import AccountSettings, Author, KeySettings
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import connect_admin
from tintype_operator.accounts.reconciler import Reconciler
from tintype_operator.accounts.store import AccountStore
from tintype_operator.known_models import KnownModels
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.admin import admin_server, token_of
from tintype_testing.ledgers import opened
from tintype_testing.manifests import Manifest

SETTINGS = Settings(owner="images/tintype")
AUTHOR = Author(kind="resource", name="a test")
MILLION = 1_000_000


@dataclass
class Scene:
    """An API server that takes statuses and Events, and a ledger."""

    store: AccountStore
    admin: AdminClient
    reconciler: Reconciler
    token: Path
    models: KnownModels
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    version: int = 1

    def add(self, manifest: Manifest, generation: int = 1) -> KubernetesObject:
        """Store an object as an event tells it, with the status of its last version."""
        self.version += 1
        name = manifest["metadata"]["name"]
        before = self.store.get((manifest["kind"], name)) or {}
        metadata = {
            "name": name,
            "namespace": "images",
            "uid": f"uid-of-{name}",
            "resourceVersion": str(self.version),
            "generation": generation,
        }
        status = {"status": before["status"]} if "status" in before else {}
        found = manifest | {"metadata": metadata} | status
        self.store.receive("MODIFIED", found)
        return self.present(found)

    def present(self, found: KubernetesObject) -> KubernetesObject:
        stored = self.store.get((found["kind"], found["metadata"]["name"]))
        assert stored is not None
        return stored

    async def reconcile(self, found: KubernetesObject) -> dict[str, dict[str, Any]]:
        """Work on an object, and return its conditions."""
        await self.reconciler.reconcile(self.present(found))
        return conditions(self.present(found))


def conditions(found: KubernetesObject) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in found["status"]["conditions"]}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:

        async def handle(request: web.Request) -> web.Response:
            body = json.loads(await request.text())
            if body["kind"] == "Event":
                made.events.append(body)
                return web.json_response(body)
            made.statuses.append(body["status"])
            made.version += 1
            key = (body["kind"], body["metadata"]["name"])
            found = made.store.get(key) or {}
            metadata = found["metadata"] | {"resourceVersion": str(made.version)}
            return web.json_response(found | {"metadata": metadata, "status": body["status"]})

        client = await stack.enter_async_context(serving(handle))
        ledger = await stack.enter_async_context(opened(f"sqlite:///{tmp_path / 'ledger.db'}"))
        url = await stack.enter_async_context(admin_server(ledger, tmp_path / "tokens"))
        token = tmp_path / "token"
        token.write_text(token_of("admin"))
        admin = AdminClient(await stack.enter_async_context(connect_admin(url, token)))
        models = KnownModels()
        store = AccountStore(client, "images", "", Liveness())
        reconciler = Reconciler(client, admin, store, "images", SETTINGS, models)
        made = Scene(store, admin, reconciler, token, models)
        yield made


async def test_an_equal_status_is_not_written(scene: Scene) -> None:
    found = scene.add(account())
    await scene.reconcile(found)

    await scene.reconcile(found)
    await scene.reconciler.refresh()

    assert len(scene.statuses) == 1
    assert scene.statuses[0]["balance"] == "0"


async def test_another_balance_is_written_by_a_refresh(scene: Scene) -> None:
    found = scene.add(account())
    await scene.reconcile(found)
    await scene.admin.http.call(
        "POST", "/grants", body={"account": "team", "micro_credits": 5 * MILLION, "reason": "r"}
    )

    assert await scene.reconciler.refresh() == []

    assert scene.present(found)["status"]["balance"] == "5"
    assert len(scene.statuses) == 2


async def test_a_model_that_the_catalog_does_not_have_is_a_warning_until_it_has_it(
    scene: Scene,
) -> None:
    found = scene.add(account(models=["canvas", "canvsa"]))
    scene.models.learn(["canvas"])
    ready = (await scene.reconcile(found))["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "Ready")
    assert ready["message"] == (
        "The ledger has the account as described. "
        "Warning: `spec.models`: the catalog has no model `canvsa`."
    )

    scene.models.learn(["canvas", "canvsa"])
    await scene.reconciler.refresh()

    now = conditions(scene.present(found))["Ready"]
    assert now["message"] == "The ledger has the account as described."
    assert now["lastTransitionTime"] == ready["lastTransitionTime"]


async def test_an_account_that_was_changed_by_another_hand_is_looked_at_again(
    scene: Scene,
) -> None:
    found = scene.add(account(displayName="From Git"))
    await scene.reconcile(found)
    owner = "images/tintype:images/team"
    changed = AccountSettings(display_name="By hand")
    await scene.admin.put_account("team", changed, owner=owner, author=AUTHOR)

    assert await scene.reconciler.refresh() == [scene.present(found)]

    await scene.reconcile(found)
    state = await scene.admin.account("team")
    assert state is not None
    assert state.display_name == "From Git"


async def test_a_key_that_was_revoked_by_another_hand_is_looked_at_again(scene: Scene) -> None:
    await scene.reconcile(scene.add(account()))
    secret = new_secret()
    settings = KeySettings(
        account="team", sha256=digest(secret).hex(), owner="images/tintype:images/web:uid-of-web"
    )
    await scene.admin.put_key(id_of(secret), settings, author=AUTHOR)
    ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
    manifest = api_key("web") | {"status": {"keyId": id_of(secret), "conditions": [ready]}}
    found = scene.add(manifest)
    assert await scene.reconciler.refresh() == []

    await scene.admin.revoke_key(id_of(secret), author=AUTHOR)

    assert await scene.reconciler.refresh() == [found]


async def test_an_object_that_is_ready_stays_so_while_no_gateway_responds(scene: Scene) -> None:
    found = scene.add(account())
    await scene.reconcile(found)
    scene.token.unlink()

    with pytest.raises(BackendUnavailableError):
        await scene.reconcile(found)

    assert len(scene.statuses) == 1


async def test_a_new_generation_says_that_no_gateway_responds(scene: Scene) -> None:
    await scene.reconcile(scene.add(account()))
    scene.token.unlink()
    found = scene.add(account(displayName="Another"), generation=2)

    for _ in range(2):
        with pytest.raises(BackendUnavailableError):
            await scene.reconcile(found)

    now = conditions(scene.present(found))
    assert (now["Ready"]["status"], now["Ready"]["reason"]) == ("False", "GatewayUnavailable")
    assert now["Reconciling"]["status"] == "True"
    assert scene.present(found)["status"]["balance"] == "0"
    assert len(scene.statuses) == 2


async def test_an_object_that_the_schema_would_refuse_is_stalled(scene: Scene) -> None:
    found = scene.add(credit_grant(credits="0"))

    now = await scene.reconcile(found)

    assert (now["Ready"]["reason"], now["Stalled"]["status"]) == ("Invalid", "True")
    assert "more than 0" in now["Ready"]["message"]


async def test_a_grant_waits_for_its_account_and_is_then_paid(scene: Scene) -> None:
    grant = scene.add(credit_grant())
    waiting = await scene.reconcile(grant)
    assert waiting["Ready"]["reason"] == "AccountMissing"
    assert waiting["Reconciling"]["status"] == "True"

    await scene.reconcile(scene.add(account()))

    assert (await scene.reconcile(grant))["Ready"]["reason"] == "Granted"
    state = await scene.admin.account("team")
    assert state is not None
    assert state.balance == 100 * MILLION


async def test_what_needs_a_person_is_an_event_once(scene: Scene) -> None:
    await scene.admin.put_account("team", AccountSettings(), owner="x:y/z", author=AUTHOR)
    found = scene.add(account())

    await scene.reconcile(found)
    await scene.reconcile(found)

    (event,) = scene.events
    assert (event["type"], event["reason"]) == ("Warning", "Conflict")
    assert "x:y/z" in event["message"]


async def test_what_ends_by_itself_is_no_event(scene: Scene) -> None:
    await scene.reconcile(scene.add(credit_grant()))

    assert scene.events == []
