"""Repeated lists of all objects cause no write while nothing changes."""

from collections import Counter

from tintype_testing.api_server import Requests, requests_so_far
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.operator import Operator
from tintype_testing.waiting import eventually_blocking

READS = frozenset({"GET", "LIST", "WATCH"})
LISTS = Requests("LIST", "imagemodels")


API_SERVERS_OWN = Requests("PUT", "leases")


def writes(counted: Counter[Requests]) -> dict[Requests, int]:
    kinds = (kind for kind in counted if kind.verb not in READS and kind != API_SERVERS_OWN)
    return {kind: counted[kind] for kind in kinds if counted[kind]}


def has_warning(operator: Operator) -> bool:
    found = operator.cluster.fetch(f"/api/v1/namespaces/{operator.namespace}/events") or {}
    return any(each["involvedObject"]["name"] == "broken" for each in found.get("items", []))


def test_nothing_is_written_while_nothing_changes(operator: Operator) -> None:
    operator.start(TINTYPE_RELIST_SECONDS="1")
    operator.apply(image_model(), provider_binding(), provider_binding("broken", model="absent"))
    operator.wait_for_condition("providerbinding", "broken", "ResolvedRefs", "False")
    operator.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "True")
    operator.wait_for_condition("imagemodel", "canvas", "Accepted", "True")
    eventually_blocking(lambda: has_warning(operator), "the Event of the broken binding")

    before = requests_so_far(operator.cluster)

    def since() -> Counter[Requests]:
        return requests_so_far(operator.cluster) - before

    eventually_blocking(lambda: since()[LISTS] >= 2, "what is counted late")
    before = requests_so_far(operator.cluster)
    eventually_blocking(lambda: since()[LISTS] >= 5, "five lists")
    assert not writes(since())
