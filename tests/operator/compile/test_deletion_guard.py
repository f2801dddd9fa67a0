"""A loss of models that no edit, deletion or date explains is not published."""

import datetime
import json
import re
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tintype_catalog.catalog import Catalog
from tintype_operator.compile.deletion_guard import active_models, refusal
from tintype_testing.manifests import Manifest, compiled, image_model, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually_blocking

TODAY = datetime.date(2026, 11, 1)


def catalog(count: int, *, first: int = 0, active: bool = True, retires: str = "") -> Catalog:
    dates: dict[str, Any] = {"lifecycle": {"retiresOn": retires}} if retires else {}
    objects: list[Manifest] = []
    for number in range(first, first + count):
        objects.append(image_model(f"m{number}", **dates))
        objects.append(provider_binding(f"b{number}", model=f"m{number}", active=active))
    return compiled(*objects)


def models(count: int) -> set[tuple[str, str]]:
    return {("ImageModel", f"m{number}") for number in range(count)}


def test_the_loss_of_most_models_is_refused() -> None:
    message = refusal(catalog(20), catalog(9), set(), TODAY)

    assert "11 of 20 active models would be removed" in message


def test_the_loss_of_half_is_published() -> None:
    assert not refusal(catalog(20), catalog(10), set(), TODAY)


def test_a_small_catalog_may_lose_all_models() -> None:
    assert not refusal(catalog(10), catalog(0), set(), TODAY)
    assert refusal(catalog(11), catalog(0), set(), TODAY)


def test_a_first_catalog_is_published() -> None:
    assert not refusal(None, catalog(0), set(), TODAY)


def test_deletions_explain_a_loss() -> None:
    assert not refusal(catalog(20), catalog(0), models(20), TODAY)
    assert not refusal(catalog(20), catalog(0), models(10), TODAY)
    assert refusal(catalog(20), catalog(0), models(9), TODAY)


def test_bindings_that_were_edited_explain_a_loss() -> None:
    edited = {("ProviderBinding", f"b{number}") for number in range(20)}

    assert not refusal(catalog(20), catalog(20, active=False), edited, TODAY)
    assert refusal(catalog(20), catalog(20, active=False), set(), TODAY)


def test_retired_models_are_no_loss() -> None:
    retired = catalog(20, retires="2026-11-01")

    assert active_models(retired, TODAY) == set()
    assert not refusal(retired, catalog(0), set(), TODAY)


@settings(max_examples=20)
@given(st.integers(0, 15), st.integers(0, 15))
def test_a_catalog_that_grows_is_always_published(count: int, more: int) -> None:
    assert not refusal(catalog(count), catalog(count + more), set(), TODAY)


def fill(running: Operator) -> list[str]:
    """Publish more models than the guard ignores, and return their names."""
    names = sorted(f"m{number}" for number in range(12))
    running.apply(*(image_model(name) for name in names))
    running.apply(*(provider_binding(model=name) for name in names))
    for name in names:
        running.wait_for_condition("providerbinding", f"{name}-openai", "Accepted", "True")
    return names


def delete_everything(running: Operator) -> None:
    for kind in ("imagemodel", "providerbinding"):
        running.cluster.kubectl("delete", kind, "--all", "--namespace", running.namespace)


def follow(running: Operator, message: str) -> None:
    """Run the command in the message."""
    (command,) = re.findall(r"`kubectl ([^`]*)`", message)
    running.cluster.kubectl(*command.split())


def test_an_unexplained_loss_is_refused_until_a_person_accepts_it(running: Operator) -> None:
    names = fill(running)
    running.stop()
    delete_everything(running)
    running.apply(image_model("survivor"))

    running.start()

    condition = running.wait_for_condition("imagemodel", "survivor", "Programmed", "False")
    assert condition["reason"] == "PublicationRefused"
    assert "12 of 12 active models would be removed" in condition["message"]
    assert running.models() == names
    follow(running, condition["message"])
    running.wait_for_models("survivor")


def test_if_no_object_is_left_an_event_reports_the_refusal(
    running: Operator,
) -> None:
    names = fill(running)
    running.stop()
    delete_everything(running)

    running.start()

    (refused,) = eventually_blocking(partial(refusals, running), "the event")
    assert running.models() == names
    follow(running, refused["message"])
    running.wait_for_models()


def refusals(running: Operator) -> list[dict[str, Any]]:
    """The Events of the catalog's ConfigMap."""
    selector = f"involvedObject.kind=ConfigMap,involvedObject.name={CONFIGMAP}"
    found = running.cluster.kubectl(
        *("get", "events", "--namespace", running.namespace, "-o", "json"),
        f"--field-selector={selector}",
    )
    events: list[dict[str, Any]] = json.loads(found)["items"]
    return events


def test_deleted_models_are_removed_however_many_they_are(running: Operator) -> None:
    fill(running)

    running.cluster.kubectl("delete", "imagemodel", "--all", "--namespace", running.namespace)

    running.wait_for_models()
