"""ConfigMaps with authorities are read when bindings name them, and again from time to time."""

import asyncio
from typing import Any

from aiohttp import web

from tests.kubernetes.serving import serving
from tintype_catalog.connection import MAX_CA_BYTES
from tintype_operator.watch.config_maps import CaConfigMaps, named_config_maps
from tintype_testing.manifests import compiled, image_model, provider_binding


class Stored:
    """The ConfigMaps of an API server, by name."""

    def __init__(self, **data: dict[str, str]) -> None:
        self.data = data
        self.reads = 0

    async def serve(self, request: web.Request) -> web.Response:
        self.reads += 1
        name = request.path.rpartition("/")[2]
        if name not in self.data:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        body: dict[str, Any] = {"metadata": {"name": name}, "data": self.data[name]}
        return web.json_response(body)


async def test_only_keys_that_may_hold_authorities_are_taken() -> None:
    keys = {"ca.crt": "a", "root.pem": "b", "empty.crt": "", "password": "c"}
    stored = Stored(ca=keys | {"large.crt": "x" * (MAX_CA_BYTES + 1)})
    async with serving(stored.serve) as client:
        found = await CaConfigMaps(client, "ns").read({"ca", "missing"})

    assert found == {"ca": {"ca.crt": b"a", "root.pem": b"b"}}


async def test_config_maps_are_read_again_only_for_other_names() -> None:
    stored = Stored(ca={"ca.crt": "a"}, other={"ca.crt": "b"})
    async with serving(stored.serve) as client:
        maps = CaConfigMaps(client, "ns")
        await maps.read({"ca"})
        await maps.read({"ca"})
        assert stored.reads == 1
        assert (await maps.read({"ca", "other"})).keys() == {"ca", "other"}


async def test_a_change_is_found_by_the_next_look_and_told_once() -> None:
    stored, changed = Stored(), asyncio.Queue[None]()
    async with serving(stored.serve) as client:
        maps = CaConfigMaps(client, "ns", look_seconds=0.001)
        assert await maps.read({"ca"}) == {}
        following = asyncio.create_task(maps.follow(lambda: changed.put_nowait(None)))
        for content in ("a", "b"):
            stored.data["ca"] = {"ca.crt": content}
            await changed.get()
            assert await maps.read({"ca"}) == {"ca": {"ca.crt": content.encode()}}
        following.cancel()

    assert changed.empty()


def test_names_are_those_of_the_objects_and_of_their_published_revisions() -> None:
    def bundle(name: str) -> dict[str, Any]:
        return {"caBundle": {"configMapRef": {"name": name}}}

    objects = [
        image_model(),
        provider_binding("a", **bundle("now")),
        provider_binding("b"),
        provider_binding("c", caBundle={"secretRef": {"name": "secret"}}),
    ]
    published = compiled(image_model(), provider_binding("a", **bundle("before")))

    assert named_config_maps(objects, published) == {"now", "before"}
    assert named_config_maps(objects, None) == {"now"}
