"""Conditions that become False, and that become True again, cause one Event each."""

import json
from typing import Any

from tintype_testing.manifests import by_size, image_model, per_image, price, provider_binding
from tintype_testing.operator import Operator
from tintype_testing.waiting import eventually_blocking

UNPRICED = by_size(price("0.04", maxPixels=1000))


def events(operator: Operator, name: str) -> list[tuple[str, str]]:
    """Type and reason of the Events of an object, in their order."""
    selector = f"involvedObject.name={name}"
    text = operator.cluster.kubectl(
        *("get", "events", "--namespace", operator.namespace, "-o", "json"),
        *("--field-selector", selector),
    )
    found: list[dict[str, Any]] = json.loads(text)["items"]
    found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [(event["type"], event["reason"]) for event in found]


def test_an_invalid_object_and_its_repair_cause_events(running: Operator) -> None:
    running.apply(image_model(), provider_binding(pricing=UNPRICED))
    broken = [("Warning", "Unpriced")]
    eventually_blocking(lambda: events(running, "canvas-openai") == broken, "the warning")

    running.apply(provider_binding(pricing=per_image("0.01")))

    repaired = [*broken, ("Normal", "Accepted")]
    eventually_blocking(lambda: events(running, "canvas-openai") == repaired, "the repair")


def test_valid_objects_and_restarts_cause_no_events(running: Operator) -> None:
    running.apply(image_model(), provider_binding(pricing=UNPRICED))
    eventually_blocking(lambda: len(events(running, "canvas-openai")) == 1, "the warning")
    running.stop()
    running.start()
    running.apply(image_model("sketch"))
    running.wait_for_condition("imagemodel", "sketch", "Accepted", "True")

    assert events(running, "canvas") == []
    assert len(events(running, "canvas-openai")) == 1
