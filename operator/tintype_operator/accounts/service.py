"""All that an operator does by the gateways' admin API: the resources of accounts, and the audit
log of the catalog's resources."""

import asyncio

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.resources import SECRETS
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.change_log import ChangeLog
from tintype_operator.accounts.controller import AccountsController
from tintype_operator.accounts.store import RESOURCES
from tintype_operator.known_models import KnownModels
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_operator.watch.store import RESOURCES as CATALOG_RESOURCES
from tintype_operator.watch.store import is_in_release


class Accounts:
    """Takes events by `handle_event`, and works in `run`."""

    kinds = (*RESOURCES, *CATALOG_RESOURCES, SECRETS.kind)

    def __init__(
        self,
        client: KubernetesClient,
        admin: AdminClient,
        namespace: str,
        settings: Settings,
        liveness: Liveness,
        models: KnownModels,
    ) -> None:
        """Read and write nothing before `run`."""
        self._release = settings.release
        self._controller = AccountsController(client, admin, namespace, settings, liveness, models)
        self.change_log = ChangeLog(admin.record_changes)

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Take an event; the type is None for what kopf listed."""
        if found["kind"] not in CATALOG_RESOURCES:
            self._controller.handle_event(event_type, found)
        elif is_in_release(found, self._release):
            self.change_log.handle_event(event_type, found)
        else:
            self.change_log.forget(found)  # another release reports its changes

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._controller.run())
            tasks.create_task(self.change_log.run())
