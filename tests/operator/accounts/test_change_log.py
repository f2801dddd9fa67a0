"""The audit log gets every change of a model or binding once, with what was before."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tintype_accounts.backend import BackendUnavailableError
from tintype_kubernetes.client import KubernetesObject, ObjectList
from tintype_operator.accounts.change_log import BATCH_BYTES, Change, ChangeLog
from tintype_testing.waiting import eventually


def model(
    generation: int = 1, *, uid: str = "u1", writer: str = "argocd", **spec: Any
) -> KubernetesObject:
    managed = [
        {"manager": "tintype-operator", "subresource": "status", "time": "2026-11-29T09:00:00Z"},
        {"manager": "helm", "time": "2026-11-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": writer, "time": "2026-11-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "labeller", "time": "2026-11-03T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
    ]
    return {
        "kind": "ImageModel",
        "metadata": {
            "namespace": "images",
            "name": "canvas",
            "uid": uid,
            "resourceVersion": "10",
            "generation": generation,
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "managedFields": managed,
        },
        "spec": spec,
    }


class Gateway:
    """Takes reports, and is away for the first `failures` of them."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.batches: list[list[Change]] = []

    async def send(self, changes: Sequence[Change]) -> None:
        if self.failures:
            self.failures -= 1
            raise BackendUnavailableError("refused")
        self.batches.append(list(changes))

    @property
    def changes(self) -> list[Change]:
        return [change for batch in self.batches for change in batch]


async def reported(log: ChangeLog, gateway: Gateway, count: int) -> list[Change]:
    running = asyncio.ensure_future(log.run())
    await eventually(lambda: len(gateway.changes) >= count)
    running.cancel()
    return gateway.changes


async def test_an_edit_is_reported_with_what_was_before_and_who_wrote_it() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event(None, model(price=1))
    log.handle_event("MODIFIED", model(2, writer="kubectl-edit", price=2))

    _, edit = await reported(log, gateway, 2)

    assert (edit["action"], edit["before"], edit["after"]) == ("update", {"price": 1}, {"price": 2})
    assert edit["author"]["name"] == "ImageModel images/canvas"
    details = {"uid": "u1", "generation": "2", "fieldManager": "kubectl-edit"}
    assert edit["author"]["details"] == details
    assert edit["at"] == "2026-11-02T00:00:00Z"
    assert (edit["kind"], edit["name"]) == ("model", "images/canvas")


async def test_a_status_that_is_written_is_no_change() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event("ADDED", model())
    log.handle_event("MODIFIED", model() | {"status": {"observedGeneration": 1}})
    log.handle_event("MODIFIED", model(2))

    assert [each["action"] for each in await reported(log, gateway, 2)] == ["create", "update"]


async def test_a_deletion_names_no_field_manager_because_kubernetes_does_not() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event("ADDED", model(price=1))
    log.handle_event("DELETED", model(price=1))

    deletion = (await reported(log, gateway, 2))[-1]

    assert (deletion["action"], deletion["before"], deletion["after"]) == (
        *("delete", {"price": 1}, None),
    )
    assert deletion["author"]["details"]["fieldManager"] == ""


async def test_a_deletion_whose_event_was_missed_is_found_by_a_complete_list() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event("ADDED", model(uid="u1", price=1))
    log.handle_event("ADDED", model(uid="u2"))

    log.listed("ImageModel", ObjectList((model(uid="u2"),), "20"))
    log.listed("ProviderBinding", ObjectList((), "20"))

    deletion = (await reported(log, gateway, 3))[-1]
    assert deletion["action"] == "delete"
    assert deletion["before"] == {"price": 1}
    assert deletion["author"]["details"]["uid"] == "u1"


async def test_an_object_that_is_newer_than_a_list_was_not_deleted() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event("ADDED", model())

    log.listed("ImageModel", ObjectList((), "9"))
    log.handle_event("MODIFIED", model(2))

    assert [each["action"] for each in await reported(log, gateway, 2)] == ["create", "update"]


async def test_an_object_that_went_to_another_release_was_not_deleted() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    log.handle_event("ADDED", model(uid="moved"))
    log.handle_event("ADDED", model(uid="stayed"))

    log.forget(model(uid="moved"))
    log.listed("ImageModel", ObjectList((), "20"))

    deletion = (await reported(log, gateway, 3))[-1]
    assert deletion["author"]["details"]["uid"] == "stayed"
    assert len(gateway.changes) == 3


async def test_a_version_has_the_same_id_whenever_it_is_reported() -> None:
    first, second = Gateway(), Gateway()
    for gateway in (first, second):
        log = ChangeLog(gateway.send)
        log.handle_event(None, model(3))
        await reported(log, gateway, 1)

    assert first.changes[0]["id"] == second.changes[0]["id"]


async def test_changes_wait_while_no_gateway_responds() -> None:
    gateway = Gateway(failures=3)
    log = ChangeLog(gateway.send, retry_seconds=0.001)
    log.handle_event("ADDED", model())
    log.handle_event("MODIFIED", model(2))

    assert [each["action"] for each in await reported(log, gateway, 2)] == ["create", "update"]


async def test_a_report_is_split_where_it_becomes_large() -> None:
    gateway = Gateway()
    log = ChangeLog(gateway.send)
    for number in range(4):
        log.handle_event("ADDED", model(uid=f"u{number}", text="x" * (BATCH_BYTES // 2)))

    await reported(log, gateway, 4)

    assert [len(batch) for batch in gateway.batches] == [1, 1, 1, 1]
