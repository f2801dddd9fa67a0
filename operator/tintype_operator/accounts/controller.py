"""The tasks that keep accounts, keys and grants in the ledger as their objects say.

Each object is worked on by itself, as soon as it changes and again every ten minutes: nothing
waits for others, so that a deleted key is revoked at once.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final

from tintype_accounts.backend import BackendError, BackendUnavailableError
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import ACCOUNTS, API_KEYS, CREDIT_GRANTS, SECRETS
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.deletions import Deletions
from tintype_operator.accounts.key_secrets import api_key_of, secret_name_of
from tintype_operator.accounts.queue import FIRST_PAUSE_SECONDS, WorkQueue
from tintype_operator.accounts.reconciler import Reconciler, Result, utc_now
from tintype_operator.accounts.recovery import LOOK_SECONDS, Recovery
from tintype_operator.accounts.statuses import is_ready
from tintype_operator.accounts.store import RESOURCES, AccountStore
from tintype_operator.known_models import KnownModels
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import ACCOUNT_QUEUE, ACCOUNT_RECONCILES, READY_OBJECTS
from tintype_operator.settings import Settings
from tintype_operator.watch.cache import Key, key_of

TASK: Final = "accounts"
"""The name under which this task sends heartbeats."""

WORKERS: Final = 8
"""Objects that are worked on at the same time."""

WORK_SECONDS: Final = 60.0
"""The deadline of the work on one object, which takes less than a second."""

RELIST_SECONDS: Final = 60.0
"""The period in which all objects are listed again, for what has changed without an event."""

RESYNC_SECONDS: Final = 600.0
"""The period in which all objects are looked at again, whether they have changed or not."""

REFRESH_SECONDS: Final = 60.0
"""The period in which balances and windows in statuses are refreshed, and changes of the ledger by
others are noticed."""

RETRY_SECONDS: Final = 5.0
"""The pause after a failed list or refresh."""

HEARTBEAT_SECONDS: Final = 10.0

logger = logging.getLogger(__name__)


class AccountsController:
    """Takes changes by `handle_event`, and carries them out in `run`."""

    def __init__(
        self,
        client: KubernetesClient,
        admin: AdminClient,
        namespace: str,
        settings: Settings,
        liveness: Liveness,
        models: KnownModels,
        *,
        relist_seconds: float = RELIST_SECONDS,
        refresh_seconds: float = REFRESH_SECONDS,
        first_pause: float = FIRST_PAUSE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Read and write nothing before `run`; an object that waits pauses `first_pause` seconds
        at first, and gateways that do not respond are asked each `look_seconds`."""
        self._liveness = liveness
        self._relist_seconds = relist_seconds
        self._refresh_seconds = refresh_seconds
        self._queue = WorkQueue(first_pause)
        self._store = AccountStore(client, namespace, settings.release, liveness, self._queue.add)
        self._reconciler = Reconciler(client, admin, self._store, namespace, settings, models)
        self._deletions = Deletions(client, admin, self._store, namespace, settings)
        self._recovery = Recovery(admin.check, self._queue.add, look_seconds)
        self._list_now = asyncio.Event()
        self._sweep_now = asyncio.Event()
        ACCOUNT_QUEUE.set_function(lambda: len(self._queue))

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take an event; the type is None for what kopf listed, at the start or after a gap."""
        if found["kind"] == SECRETS.kind:
            self._handle_secret(event_type, found)
            return
        is_changed = self._store.receive(event_type, found)
        if event_type is None:
            self._list_now.set()  # deletions during a gap have no event
        elif event_type == "DELETED":
            self._deletions.add(found)
        if is_changed or event_type == "DELETED":
            self._queue.add(key_of(found), first=found["kind"] == API_KEYS.kind)

    def _handle_secret(self, event_type: str | None, secret: KubernetesObject) -> None:
        """Look at an ApiKey again when somebody changed its Secret, or deleted one in its way."""
        name = api_key_of(secret)
        if name is not None and self._store.get((API_KEYS.kind, name)) is not None:
            self._queue.add((API_KEYS.kind, name))
        if event_type == "DELETED":
            for found in self._store.objects(API_KEYS.kind):
                if secret_name_of(found) == secret["metadata"]["name"]:
                    self._queue.add(key_of(found))

    async def run(self) -> None:
        """Keep the ledger and the statuses current until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_beating())
            await self._list_until_done()
            tasks.create_task(self._keep_listing())
            tasks.create_task(self._keep_sweeping())
            tasks.create_task(self._keep_refreshing())
            tasks.create_task(self._recovery.run())
            for _ in range(WORKERS):
                tasks.create_task(self._keep_working())

    async def _keep_beating(self) -> None:
        while True:
            self._liveness.beat(TASK)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _keep_listing(self) -> None:
        """List every minute; look at everything every ten minutes, and after a gap of a watch."""
        while True:
            resync_at = time.monotonic() + RESYNC_SECONDS
            while time.monotonic() < resync_at and not await self._is_list_asked_for():
                await self._list_changes()
            self._list_now.clear()
            await self._list_until_done()
            self._look_at_all()
            self._sweep_now.set()

    async def _is_list_asked_for(self) -> bool:
        """Wait until the next list is due, and return whether a watch had a gap."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._relist_seconds):
                await self._list_now.wait()
        return self._list_now.is_set()

    async def _list_changes(self) -> None:
        """List, in case a watch lost an event, and look for deletions if an object is gone."""
        changed = await self._list_until_done()
        if any(self._store.get(key) is None for key in changed):
            self._sweep_now.set()

    def _look_at_all(self) -> None:
        for key in self._store.names():
            self._queue.add(key)

    async def _keep_sweeping(self) -> None:
        """Look for missed deletions at the start, and after each list."""
        while True:
            self._sweep_now.clear()
            try:
                is_done = await self._deletions.sweep()
            except (BackendError, KubernetesError) as error:
                logger.warning("missed deletions not looked for: %s", error)
                is_done = False
            if is_done:
                await self._sweep_now.wait()
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def _list_until_done(self) -> set[Key]:
        """List everything again, and return what has changed."""
        while True:
            try:
                return await self._store.relist()
            except KubernetesError as error:
                self._liveness.restart_timers()
                logger.warning("will list accounts again in %d s: %s", RETRY_SECONDS, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            try:
                for found in await self._reconciler.refresh():
                    self._queue.add(key_of(found))
            except (BackendError, KubernetesError) as error:
                logger.warning("statuses not refreshed: %s", error)
            for kind in RESOURCES:
                READY_OBJECTS.labels(kind).set(sum(map(is_ready, self._store.objects(kind))))

    async def _keep_working(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                async with asyncio.timeout(WORK_SECONDS):
                    await self._work(key)
            except (BackendError, KubernetesError, TimeoutError) as error:
                if isinstance(error, BackendUnavailableError | TimeoutError):
                    self._recovery.failed(key)
                self._failed(key, str(error) or "no response in time")
            except Exception:  # one object must not hold up all others
                logger.exception("unexpected error", extra={"object": "/".join(key)})
                self._failed(key, "unexpected error")
            finally:
                self._queue.done(key)

    async def _work(self, key: Key) -> None:
        await self._deletions.carry_out(key)
        found = self._store.get(key)
        if found is None and key[0] == ACCOUNTS.kind:
            self._look_at_freed(key)
        result = Result(is_ready=True)
        if found is not None:
            was_ready = is_ready(found)
            result = await self._reconciler.reconcile(found)
            if result.is_ready and not was_ready:
                self._look_at_related(found)
        self._recovery.succeeded(key)
        if result.is_ready:
            self._queue.succeeded(key)
        else:  # what it waits for may change without an event
            self._queue.retry(key)
        if result.look_again_at is not None:
            left = result.look_again_at - utc_now()
            self._queue.add_after(key, max(0.0, left.total_seconds()))
        ACCOUNT_RECONCILES.labels(key[0], "success" if result.is_ready else "waiting").inc()

    def _look_at_related(self, ready: KubernetesObject) -> None:
        """Look at the keys and grants that wait for an Account, or at the balance after a grant."""
        if ready["kind"] == CREDIT_GRANTS.kind and (account := ready["spec"].get("account")):
            self._queue.add((ACCOUNTS.kind, account))
        if ready["kind"] == ACCOUNTS.kind:
            for kind in RESOURCES:
                for found in self._store.objects(kind):
                    if found["spec"].get("account") == ready["metadata"]["name"]:
                        self._queue.add(key_of(found))

    def _look_at_freed(self, gone: Key) -> None:
        """Look at the keys and grants of an Account that is gone, and at what its account is free
        for by now."""
        for kind in RESOURCES:
            for found in self._store.objects(kind):
                if found["spec"].get("account") == gone[1] or not is_ready(found):
                    self._queue.add(key_of(found))

    def _failed(self, key: Key, cause: str) -> None:
        ACCOUNT_RECONCILES.labels(key[0], "error").inc()
        pause = self._queue.retry(key)
        logger.warning("will try again in %.1f s: %s %s: %s", pause, *key, cause)
