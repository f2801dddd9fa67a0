"""When objects are looked at again that another one was in the way of."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import serving
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.admin_http import connect_admin
from tintype_operator.accounts.controller import AccountsController
from tintype_operator.known_models import KnownModels
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_testing.account_manifests import account, api_key
from tintype_testing.admin import admin_server, token_of
from tintype_testing.ledgers import opened
from tintype_testing.manifests import Manifest, changed
from tintype_testing.waiting import eventually_equal

NEVER = 3600.0
"""A pause in seconds that no test lives to see the end of."""

PLURALS = {"accounts": "Account", "apikeys": "ApiKey", "creditgrants": "CreditGrant"}
SECRET = "apps"
FOREIGN = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, "uid": "theirs"}}


class Cluster:
    """An API server with what tests put there, and the controller that watches it."""

    def __init__(self, folder: Path) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.edits: dict[tuple[str, str], Manifest] = {}
        """What somebody makes of an object just before its status is written."""

        self.controller: AccountsController | None = None
        self.version = 0
        self.token = folder / "token"
        """The file with the operator's token."""

    def tell(self, event_type: str, found: dict[str, Any]) -> None:
        """Have the API server tell an event, and keep what it says."""
        key = (found["kind"], found["metadata"]["name"])
        if event_type == "DELETED":
            found = self.objects.pop(key)
        else:
            found = self.objects[key] = self._stored(found)
        assert self.controller is not None
        self.controller.handle_event(event_type, found)

    def change_silently(self, found: dict[str, Any]) -> None:
        """Store an object of which no event is told."""
        self.objects[found["kind"], found["metadata"]["name"]] = self._stored(found)

    def reason(self, kind: str, name: str) -> str:
        """Return the reason of an object's condition Ready, empty without one."""
        conditions = self.objects[kind, name].get("status", {}).get("conditions", [])
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")

    async def handle(self, request: web.Request) -> web.Response:
        """Serve lists, the Secrets of keys, and writes of objects and statuses."""
        parts = request.path.removesuffix("/status").split("/")
        if request.method == "GET" and parts[-1] in PLURALS:
            kind = PLURALS[parts[-1]]
            items = [found for (each, _), found in self.objects.items() if each == kind]
            metadata = {"resourceVersion": str(self.version)}
            return web.json_response({"kind": f"{kind}List", "metadata": metadata, "items": items})
        if request.method == "GET":
            found = self.objects.get(("Secret", parts[-1]))
            return web.json_response(found or {}, status=200 if found else 404)
        body = json.loads(await request.text())
        if body["kind"] == "Event":
            return web.json_response(body)
        key = (body["kind"], body["metadata"]["name"])
        if edited := self.edits.pop(key, None):
            self.change_silently(edited)
        self.objects[key] = self._stored(self.objects.get(key, {}) | body)
        return web.json_response(self.objects[key])

    def _stored(self, found: Manifest) -> dict[str, Any]:
        self.version += 1
        name = found["metadata"]["name"]
        known = self.objects.get((found["kind"], name), {}).get("metadata", {})
        metadata = {"namespace": "images", "uid": f"uid-of-{name}", "generation": 1}
        metadata |= known | found["metadata"] | {"resourceVersion": str(self.version)}
        return found | {"metadata": metadata}


@pytest.fixture
def relist_seconds() -> float:
    """The period of lists: by default tests see what events alone bring about."""
    return NEVER


@pytest.fixture
async def api(tmp_path: Path, relist_seconds: float) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        made = Cluster(tmp_path)
        client = await stack.enter_async_context(serving(made.handle))
        ledger = await stack.enter_async_context(opened(f"sqlite:///{tmp_path / 'ledger.db'}"))
        url = await stack.enter_async_context(admin_server(ledger, tmp_path / "tokens"))
        made.token.write_text(token_of("admin"))
        admin = AdminClient(await stack.enter_async_context(connect_admin(url, made.token)))
        made.controller = AccountsController(
            client,
            admin,
            "images",
            Settings(owner="images/tintype"),
            Liveness(),
            KnownModels(),
            relist_seconds=relist_seconds,
            first_pause=NEVER,
            look_seconds=0.05,
        )
        work = asyncio.create_task(made.controller.run())
        yield made
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def becomes(api: Cluster, kind: str, name: str, reason: str) -> None:
    await eventually_equal(lambda: api.reason(kind, name), reason)


async def test_a_key_takes_the_place_of_a_foreign_secret_once_it_is_deleted(
    api: Cluster,
) -> None:
    api.tell("ADDED", account("team"))
    await becomes(api, "Account", "team", "Ready")
    api.objects["Secret", SECRET] = FOREIGN
    api.tell("ADDED", api_key("web", account="team", secret={"name": SECRET}))
    await becomes(api, "ApiKey", "web", "SecretConflict")

    api.tell("DELETED", FOREIGN)

    await becomes(api, "ApiKey", "web", "Ready")


async def test_an_account_is_described_by_the_next_object_once_the_first_is_deleted(
    api: Cluster,
) -> None:
    first = account("first", accountName="team")
    api.tell("ADDED", first)
    await becomes(api, "Account", "first", "Ready")
    api.tell("ADDED", account("second", accountName="team"))
    await becomes(api, "Account", "second", "Conflict")

    api.tell("DELETED", first)

    await becomes(api, "Account", "second", "Ready")


async def test_a_key_says_at_once_that_its_account_is_gone(api: Cluster) -> None:
    api.tell("ADDED", account("team"))
    await becomes(api, "Account", "team", "Ready")
    api.tell("ADDED", api_key("web", account="team"))
    await becomes(api, "ApiKey", "web", "Ready")

    api.tell("DELETED", account("team"))

    await becomes(api, "ApiKey", "web", "AccountMissing")


async def test_what_no_gateway_responded_to_is_looked_at_again_once_one_does(
    api: Cluster,
) -> None:
    api.token.unlink()
    api.tell("ADDED", account("team"))
    api.tell("ADDED", api_key("web", account="team"))
    await becomes(api, "Account", "team", "GatewayUnavailable")

    api.token.write_text(token_of("admin"))

    await becomes(api, "Account", "team", "Ready")
    await becomes(api, "ApiKey", "web", "Ready")


async def test_an_edit_while_a_status_is_written_is_carried_out(api: Cluster) -> None:
    api.edits["Account", "team"] = changed(
        account("team", displayName="Another"), "metadata.generation", 2
    )
    api.tell("ADDED", account("team", displayName="One"))
    await becomes(api, "Account", "team", "Ready")

    api.tell("MODIFIED", api.objects["Account", "team"])

    def generation() -> int:
        (ready,) = (
            each
            for each in api.objects["Account", "team"]["status"]["conditions"]
            if each["type"] == "Ready"
        )
        return int(ready["observedGeneration"])

    await eventually_equal(generation, 2)


@pytest.mark.parametrize("relist_seconds", [0.05])
async def test_an_object_of_which_no_event_came_is_looked_at_after_the_next_list(
    api: Cluster,
) -> None:
    api.tell("ADDED", account("team"))
    await becomes(api, "Account", "team", "Ready")

    api.change_silently(api_key("web", account="team"))

    await becomes(api, "ApiKey", "web", "Ready")


@pytest.mark.parametrize("relist_seconds", [0.05])
async def test_a_deletion_of_which_no_event_came_is_noticed_by_the_next_list(
    api: Cluster,
) -> None:
    api.tell("ADDED", account("team"))
    await becomes(api, "Account", "team", "Ready")
    api.tell("ADDED", api_key("web", account="team"))
    await becomes(api, "ApiKey", "web", "Ready")

    del api.objects["Account", "team"]
    api.version += 1

    await becomes(api, "ApiKey", "web", "AccountMissing")
