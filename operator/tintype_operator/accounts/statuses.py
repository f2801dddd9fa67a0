"""Writes the statuses of Accounts, ApiKeys and CreditGrants, and posts their Events."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tintype_accounts.planning.conditions import Verdict, since, with_verdict
from tintype_accounts.resources import Account, AccountsResource, ApiKey
from tintype_accounts.status import Status
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import ConflictError, NotFoundError
from tintype_operator.accounts.budget_alerts import BudgetAlerts
from tintype_operator.accounts.store import RESOURCES, AccountStore
from tintype_operator.metrics import STATUS_WRITES
from tintype_operator.publish.managed_objects import FIELD_MANAGER
from tintype_operator.status.events import Events, Transition


class StatusWriter:
    """Writes a status where it differs from that of the object."""

    def __init__(
        self, client: KubernetesClient, store: AccountStore, clock: Callable[[], datetime]
    ) -> None:
        """Write with this client, and keep the store current."""
        self._client = client
        self._store = store
        self._clock = clock
        self._events = Events(client)
        self._alerts = BudgetAlerts()

    async def write(
        self, found: KubernetesObject, status: Status, resource: AccountsResource
    ) -> None:
        """Write the status of a plan if it differs, and post what it tells.

        Raises:
            KubernetesError: It could not be written.
        """
        before, after = found.get("status") or {}, fields_of(status)
        if not await self._apply(found, after):
            return
        if isinstance(resource, Account):
            for alert in self._alerts.passed(resource, before, after):
                await self._events.post(found, alert)
        if isinstance(resource, ApiKey):
            for rotation in rotations(before, after):
                await self._events.post(found, rotation)

    async def write_verdict(self, found: KubernetesObject, verdict: Verdict) -> None:
        """Write why an object is not Ready, and leave all else in its status as it is.

        Raises:
            KubernetesError: It could not be written.
        """
        present = found.get("status") or {}
        generation = found["metadata"]["generation"]
        conditions = with_verdict(Status(), generation, verdict, self._clock(), since(present))
        await self._apply(found, present | fields_of(conditions))

    async def _apply(self, found: KubernetesObject, wanted: dict[str, Any]) -> bool:
        """Write a status if it differs, and return whether it did."""
        if is_equal(found.get("status") or {}, wanted):
            return False
        body = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "metadata": {key: found["metadata"][key] for key in ("namespace", "name", "uid")},
            "status": wanted,
        }
        resource = RESOURCES[found["kind"]]
        try:
            written = await self._client.apply(
                resource, body, field_manager=FIELD_MANAGER, subresource="status"
            )
        except (NotFoundError, ConflictError):
            return False  # deleted, or created again under the same name: an event will follow
        STATUS_WRITES.inc()
        self._store.written(written)
        for transition in transitions(found.get("status") or {}, wanted):
            await self._events.post(found, transition)
        return True


def fields_of(status: Status) -> dict[str, Any]:
    """Return the fields of a status as the API server stores them: without those that are None."""
    return status.model_dump(mode="json", exclude_none=True)


def is_equal(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether a status has these fields; conditions of other controllers are ignored."""
    own = {condition["type"] for condition in wanted["conditions"]} | {"Reconciling", "Stalled"}
    conditions = [each for each in present.get("conditions", []) if each["type"] in own]
    return {**present, "conditions": _by_type(conditions)} == {
        **wanted,
        "conditions": _by_type(wanted["conditions"]),
    }


def rotations(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Transition]:
    """Yield an Event if a Secret has another key than before."""
    was, now = before.get("keyId"), after.get("keyId")
    if was is not None and now is not None and was != now:
        message = f"The Secret {after['secretName']} has the key {now} in the place of {was}."
        yield Transition("Normal", "KeyReplaced", message)


def is_ready(found: KubernetesObject) -> bool:
    """Return whether the status says that the current generation of an object is Ready."""
    condition = _by_type((found.get("status") or {}).get("conditions", [])).get("Ready", {})
    return bool(
        condition.get("status") == "True"
        and condition.get("observedGeneration") == found["metadata"]["generation"]
    )


def transitions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Transition]:
    """Yield an Event if an object became Ready, or needs somebody's attention for a new reason."""
    was = _by_type(before.get("conditions", [])).get("Ready", {})
    now = _by_type(after["conditions"])
    ready = now["Ready"]
    if was.get("reason") == ready["reason"] and was.get("status") == ready["status"]:
        return
    if ready["status"] == "True":
        yield Transition("Normal", ready["reason"], ready["message"])
    elif "Stalled" in now:
        yield Transition("Warning", ready["reason"], ready["message"])


def _by_type(conditions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in conditions}
