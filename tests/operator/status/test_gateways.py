"""How gateways are found, and how their responses are read."""

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.kubernetes.serving import serving
from tintype_operator.settings import Settings
from tintype_operator.status.gateways import NO_CATALOG, Gateways, acknowledged, status_urls


def endpoint(address: str, *, ready: bool | None = True, uid: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"addresses": [address], "conditions": {"ready": ready}}
    return found | ({"targetRef": {"uid": uid}} if uid else {})


def endpoint_slice(*endpoints: dict[str, Any], family: str = "IPv4") -> dict[str, Any]:
    ports = [{"name": "api", "port": 8080}, {"name": "admin", "port": 9090}]
    return {"addressType": family, "endpoints": list(endpoints), "ports": ports}


def test_the_admin_port_of_every_ready_endpoint_is_queried() -> None:
    found = endpoint_slice(endpoint("10.0.0.1"), endpoint("10.0.0.2", ready=False))

    assert status_urls([found]) == ["http://10.0.0.1:9090/status"]


def test_an_endpoint_of_unknown_readiness_counts_as_ready() -> None:
    assert status_urls([endpoint_slice(endpoint("10.0.0.1", ready=None))])


def test_a_pod_of_two_address_families_counts_once() -> None:
    four = endpoint_slice(endpoint("10.0.0.1", uid="u1"))
    six = endpoint_slice(endpoint("fd00::1", uid="u1"), family="IPv6")

    assert status_urls([four, six]) == ["http://10.0.0.1:9090/status"]
    assert status_urls([six]) == ["http://[fd00::1]:9090/status"]


def test_a_slice_without_ports_or_endpoints_names_no_gateway() -> None:
    empty = {"addressType": "IPv4", "endpoints": None, "ports": None}

    assert status_urls([empty, endpoint_slice() | {"endpoints": None}]) == []
    assert status_urls([endpoint_slice(endpoint("10.0.0.1")) | {"ports": []}]) == []


def test_a_newer_catalog_acknowledges_an_older_one() -> None:
    assert acknowledged([NO_CATALOG, 6, 7, 8], 7) == 2


async def asked(*responses: web.Response) -> tuple[int, ...]:
    """The sequences of gateways with these responses, and of one more that is unreachable."""
    left = list(responses)

    async def status(request: web.Request) -> web.Response:
        return left.pop(0)

    async def kubernetes(request: web.Request) -> web.Response:
        raise AssertionError("no Service is named")

    app = web.Application()
    app.router.add_get("/status", status)
    async with TestServer(app) as server, serving(kubernetes) as client:
        url = str(server.make_url("/status"))
        urls = ",".join([url] * len(responses) + ["http://127.0.0.1:1/status"])
        settings = Settings(gateway_status_urls=urls)
        return await Gateways(client, "ns", settings).sequences()


async def test_a_gateway_reports_its_sequence() -> None:
    assert await asked(web.json_response({"sequence": 7})) == (7, NO_CATALOG)


async def test_any_other_response_counts_as_no_catalog() -> None:
    empty = web.json_response({"sequence": None})
    odd = web.json_response(["sequence"])
    broken = web.Response(text="<html>", status=502)

    assert await asked(empty, odd, broken) == (NO_CATALOG,) * 4


async def test_without_gateways_there_is_no_query() -> None:
    assert await asked() == (NO_CATALOG,)


async def test_the_endpoints_of_a_service_are_found_by_its_name() -> None:
    queries: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/status":
            return web.json_response({"sequence": 9})
        queries.append(request.query["labelSelector"])
        found = endpoint_slice(endpoint("127.0.0.1"))
        found["ports"] = [{"name": "admin", "port": request.url.port}]
        return web.json_response({"items": [found], "metadata": {"resourceVersion": "1"}})

    async with serving(handler) as client:
        gateways = Gateways(client, "ns", Settings(gateway_service="tintype"))

        assert await gateways.sequences() == (9,)

    assert queries == ["kubernetes.io/service-name=tintype"]
