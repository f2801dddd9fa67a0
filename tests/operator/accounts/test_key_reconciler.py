"""A valid key in the Secret at every time: rotation, and Secrets that cannot be written."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_accounts.api_keys import id_of
from tintype_accounts.backend import BackendUnavailableError, RefusedError
from tintype_accounts.documents import AccountSettings, Author, KeyState
from tintype_accounts.resources import ApiKey, parse_accounts_resource
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import connect_admin
from tintype_operator.accounts.key_reconciler import KeyReconciler
from tintype_operator.accounts.store import AccountStore
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_testing.account_manifests import api_key
from tintype_testing.admin import admin_server, token_of
from tintype_testing.ledgers import opened

URL = "http://tintype:8080/v1"
SETTINGS = Settings(owner="images/tintype", public_base_url=URL)

AUTHOR = Author(kind="resource", name="a test")

ROTATION = {"interval": "720h", "overlap": "24h"}


@dataclass
class Secrets:
    """The Secrets of a namespace, as an API server has them."""

    found: dict[str, KubernetesObject] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    """The status and the reason of each write, None if it succeeds."""

    version: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            name = request.path.rsplit("/", 1)[1]
            found = self.found.get(name)
            return refusing(404, "NotFound") if found is None else web.json_response(found)
        if self.refusal is not None:
            return refusing(*self.refusal)
        body: KubernetesObject = json.loads(await request.text())
        name = body["metadata"]["name"]
        present = self.found.get(name)
        if request.method == "POST" and present is not None:
            return refusing(409, "AlreadyExists")
        version = present and present["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion") != version:
            return refusing(409, "Conflict")
        self.version += 1
        body["metadata"] |= {"resourceVersion": str(self.version), "uid": "secret-uid"}
        self.found[name] = body
        return web.json_response(body)

    def value(self, name: str = "web", key: str = "OPENAI_API_KEY") -> str:
        return base64.b64decode(self.found[name]["data"][key]).decode()


@dataclass
class Scene:
    """The Secrets, the ledger, and the operator at a time."""

    secrets: Secrets
    admin: AdminClient
    reconciler: KeyReconciler

    async def converge(self, uid: str = "u1", **spec: Any) -> dict[str, str]:
        """Work on the ApiKey `web`, and return its Ready condition and the id of its key."""
        found = api_key("web", account=None, accountName="team", **spec)
        found["metadata"] |= {"namespace": "images", "uid": uid, "generation": 1}
        resource = parse_accounts_resource(found)
        assert isinstance(resource, ApiKey)
        plan = await self.reconciler.converge(found, resource)
        ready = next(each for each in plan.status.conditions if each.type == "Ready")
        return {"ready": ready.status, "reason": ready.reason, "key": plan.status.key_id or ""}

    async def keys(self) -> dict[str, KeyState]:
        return {key.id: key for key in await self.admin.keys("images/tintype:")}


@asynccontextmanager
async def scene_at(folder: Path, secrets: Secrets, hours: int = 0) -> AsyncIterator[Scene]:
    """The operator and the gateway as they are in some hours, with the ledger of the folder."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving(secrets.handle))
        ledger = await stack.enter_async_context(
            opened(f"sqlite:///{folder / 'ledger.db'}", later_seconds=hours * 3600)
        )
        url = await stack.enter_async_context(admin_server(ledger, folder / f"tokens-{hours}"))
        (folder / "token").write_text(token_of("admin"))
        http = await stack.enter_async_context(connect_admin(url, folder / "token"))
        admin = AdminClient(http)
        await admin.put_account("team", AccountSettings(), owner="tests:x/team", author=AUTHOR)
        store = AccountStore(client, "images", "", Liveness())

        def clock() -> datetime:
            return datetime.now(UTC) + timedelta(hours=hours)

        reconciler = KeyReconciler(client, admin, store, "images", SETTINGS, clock)
        yield Scene(secrets, admin, reconciler)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
async def scene(tmp_path: Path, secrets: Secrets) -> AsyncIterator[Scene]:
    """A ledger with the account `team`, and no Secret."""
    async with scene_at(tmp_path, secrets) as scene:
        yield scene


async def test_a_new_key_is_in_its_secret_and_in_the_ledger(scene: Scene) -> None:
    status = await scene.converge()

    assert status == {"ready": "True", "reason": "Ready", "key": id_of(scene.secrets.value())}
    assert list(await scene.keys()) == [status["key"]]
    assert scene.secrets.value(key="OPENAI_BASE_URL") == URL
    owner = scene.secrets.found["web"]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ApiKey", "web", "u1")


async def test_looking_again_changes_nothing(scene: Scene) -> None:
    first = await scene.converge(rotation=ROTATION)
    version = scene.secrets.version

    assert await scene.converge(rotation=ROTATION) == first
    assert scene.secrets.version == version


async def test_a_key_is_replaced_when_its_time_has_come_and_the_old_one_overlaps(
    scene: Scene, tmp_path: Path, secrets: Secrets
) -> None:
    old = (await scene.converge(rotation=ROTATION))["key"]

    async with scene_at(tmp_path, secrets, hours=721) as later:
        new = (await later.converge(rotation=ROTATION))["key"]
        keys = await later.keys()

    assert new != old
    assert id_of(secrets.value()) == new
    assert keys[new].expires_at is None
    expires_at = keys[old].expires_at
    assert expires_at is not None
    overlap = expires_at - keys[new].created_at
    assert abs(overlap - timedelta(hours=24)) < timedelta(seconds=2)


async def test_a_replacement_that_cannot_be_written_is_registered_once(
    scene: Scene, tmp_path: Path, secrets: Secrets
) -> None:
    await scene.converge(rotation=ROTATION)
    old = secrets.value()

    async with scene_at(tmp_path, secrets, hours=721) as later:
        secrets.refusal = (500, "InternalError")
        for _ in range(3):
            with pytest.raises(KubernetesError, match="InternalError"):
                await later.converge(rotation=ROTATION)
        assert len(await later.keys()) == 2
        assert secrets.value() == old

        secrets.refusal = None
        await later.converge(rotation=ROTATION)

        assert set(await later.keys()) == {id_of(old), id_of(secrets.value())}


async def test_a_first_key_that_cannot_be_written_is_not_registered(scene: Scene) -> None:
    scene.secrets.refusal = (403, "Forbidden")

    status = await scene.converge()

    assert (status["ready"], status["reason"]) == ("False", "SecretForbidden")
    assert await scene.keys() == {}


async def test_a_secret_that_the_api_server_does_not_take_is_said_so(scene: Scene) -> None:
    scene.secrets.refusal = (422, "Invalid")

    with pytest.raises(RefusedError, match="Invalid"):
        await scene.converge()


async def test_a_secret_that_appears_at_the_same_time_is_not_overwritten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {"metadata": {"name": "web", "resourceVersion": "7"}, "data": {"a": "Yg=="}}
    scene.secrets.refusal = (409, "AlreadyExists")
    with pytest.raises(BackendUnavailableError, match="at the same time"):
        await scene.converge()

    scene.secrets.refusal = None
    scene.secrets.found["web"] = foreign

    assert (await scene.converge())["reason"] == "SecretConflict"
    assert scene.secrets.found["web"] is foreign
    assert await scene.keys() == {}


async def test_the_secret_of_a_predecessor_is_not_taken_over(scene: Scene) -> None:
    await scene.converge(uid="before")
    key = scene.secrets.value()

    assert (await scene.converge(uid="after"))["reason"] == "SecretConflict"
    assert scene.secrets.value() == key


async def test_a_secret_without_its_key_gets_another_one_and_the_old_key_ends(
    scene: Scene,
) -> None:
    old = (await scene.converge())["key"]
    scene.secrets.found["web"]["data"] = {}

    new = (await scene.converge())["key"]

    keys = await scene.keys()
    assert set(keys) == {old, new}
    assert keys[old].expires_at is not None


async def test_another_address_of_the_gateways_replaces_the_url_and_not_the_key(
    scene: Scene,
) -> None:
    key = (await scene.converge())["key"]
    scene.secrets.found["web"]["data"]["OPENAI_BASE_URL"] = base64.b64encode(b"old").decode()

    assert (await scene.converge())["key"] == key
    assert scene.secrets.value(key="OPENAI_BASE_URL") == URL


async def test_an_interrupted_registration_continues_with_the_key_in_the_secret(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise BackendUnavailableError("no gateway")

    with monkeypatch.context() as patch:
        patch.setattr(scene.admin, "put_key", away)
        with pytest.raises(BackendUnavailableError):
            await scene.converge()
    written = scene.secrets.value()

    assert (await scene.converge())["key"] == id_of(written)
    assert scene.secrets.value() == written
