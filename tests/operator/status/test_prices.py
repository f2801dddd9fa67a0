"""The condition `PriceCurrent` of a binding says which change of its price is announced."""

import datetime
from typing import Any

import pytest

from tintype_catalog.compiler import compile_manifests
from tintype_operator.status.conditions import (
    CurrentPricing,
    fields_of,
    is_reported,
    pricing_at,
    status_of,
)
from tintype_operator.status.events import transitions
from tintype_operator.status.findings import Delivery, price
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.operator import Operator
from tintype_testing.waiting import eventually_blocking

CHANGES = [
    {"validFrom": "2027-01-01T00:00:00Z"} | per_image("0.05"),
    {"validFrom": "2027-06-01T02:00:00+02:00"} | per_image("0.06"),
]


def on(moment: str, changes: Any = CHANGES) -> tuple[str, str, str] | None:
    spec = provider_binding(priceChanges=changes)["spec"]
    return price(spec, datetime.datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("moment", "finding"),
    [
        (
            "2026-12-31T23:59:59Z",
            (
                "False",
                "ChangeAnnounced",
                "From 2027-01-01T00:00:00Z on: 0.05 USD for an image. "
                "Until then: 0.040 USD for an image.",
            ),
        ),
        (
            "2027-01-01T00:00:00Z",
            (
                "False",
                "ChangeAnnounced",
                "From 2027-06-01T02:00:00+02:00 on: 0.06 USD for an image. "
                "Until then: 0.05 USD for an image.",
            ),
        ),
        (
            "2027-06-01T00:00:00Z",
            (
                "True",
                "Current",
                "No change is announced. The price since 2027-06-01T02:00:00+02:00: "
                "0.06 USD for an image.",
            ),
        ),
    ],
)
def test_the_finding_depends_on_the_moment(moment: str, finding: tuple[str, str, str]) -> None:
    assert on(moment) == finding


def test_prices_that_cannot_be_read_are_unknown() -> None:
    found = on("2027-01-01T00:00:00Z", [{"validFrom": "soon"}])

    assert found is not None
    assert found[:2] == ("Unknown", "Invalid")


def test_a_binding_whose_price_never_changes_has_no_such_condition() -> None:
    assert on("2027-01-01T00:00:00Z", []) is None


def test_an_announced_change_is_an_event_and_leaves_the_binding_ready() -> None:
    manifest = provider_binding(priceChanges=CHANGES)
    manifest["metadata"]["generation"] = 1
    now = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)

    status = status_of(manifest, [], Delivery(True, 1, 1), now=now)

    statuses = {condition.type: condition.status for condition in status.conditions}
    assert (statuses["Ready"], statuses["PriceCurrent"]) == ("True", "False")
    assert [event.reason for event in transitions(manifest, status)] == ["ChangeAnnounced"]


def test_the_status_has_the_price_of_the_moment() -> None:
    table = {"type": "per_image_by_size", "prices": [{"usd": "0.07"}]}
    changes = [*CHANGES, {"validFrom": "2028-01-01T00:00:00Z"} | table]
    catalog, problems = compile_manifests([image_model(), provider_binding(priceChanges=changes)])
    assert problems == ()

    seen = [
        pricing_at(catalog.bindings[0], datetime.datetime.fromisoformat(moment)).model_dump(
            exclude_none=True
        )
        for moment in ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
    ]

    assert seen == [
        {"type": "per_image", "usd": "0.040"},
        {"type": "per_image", "usd": "0.05", "validFrom": "2027-01-01T00:00:00Z"},
        {"type": "per_image_by_size", "validFrom": "2028-01-01T00:00:00Z"},
    ]


def test_a_status_with_the_price_before_is_not_reported() -> None:
    manifest = provider_binding()
    manifest["metadata"]["generation"] = 1
    now = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
    old, new = (CurrentPricing(type="per_image", usd=usd) for usd in ("0.04", "0.05"))

    status = status_of(manifest, [], Delivery(True, 1, 1), now=now, pricing=old)
    manifest["status"] = fields_of(status)

    assert is_reported(manifest, status)
    changed = status_of(manifest, [], Delivery(True, 1, 1), now=now, pricing=new)
    assert not is_reported(manifest, changed)


def test_kubectl_shows_a_price_from_its_moment_on(running: Operator) -> None:
    """Long before the next list, and nothing else is written anew."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)
    change = {"validFrom": moment.strftime("%Y-%m-%dT%H:%M:%SZ")} | per_image("0.05")
    running.apply(
        image_model(),
        provider_binding("changing", priceChanges=[change]),
        provider_binding("constant"),
    )
    eventually_blocking(lambda: usd(running, "constant") == "0.040", "the price in the status")
    running.wait_for_condition("providerbinding", "constant", "Accepted", "True")
    before = running.get("providerbinding", "constant")["metadata"]["resourceVersion"]

    eventually_blocking(lambda: usd(running, "changing") == "0.05", "the price from the moment on")

    listed = running.cluster.kubectl("get", "pb", "--namespace", running.namespace).splitlines()
    assert [line.split()[5] for line in listed] == ["USD", "0.05", "0.040"]
    assert running.condition("providerbinding", "changing", "PriceCurrent")["status"] == "True"
    after = running.get("providerbinding", "constant")["metadata"]["resourceVersion"]
    assert after == before


def usd(operator: Operator, name: str) -> str | None:
    status = operator.get("providerbinding", name).get("status", {})
    price: str | None = status.get("pricing", {}).get("usd")
    return price


def test_the_operator_says_which_price_comes_next(running: Operator) -> None:
    far = [{"validFrom": "2999-01-01T00:00:00Z"} | per_image("0.05")]
    running.apply(image_model(), provider_binding(priceChanges=far))

    condition = running.wait_for_condition(
        "providerbinding", "canvas-openai", "PriceCurrent", "False"
    )

    assert condition["reason"] == "ChangeAnnounced"
    assert "2999-01-01T00:00:00Z" in condition["message"]
    assert running.condition("providerbinding", "canvas-openai", "Accepted")["status"] == "True"
