import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tintype_kubernetes.client import KubernetesObject, ObjectList
from tintype_operator.watch.cache import Cache, trimmed

KIND = "ImageModel"


def found(version: int, *, name: str = "canvas", uid: str = "u1", **more: Any) -> KubernetesObject:
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "generation": version}
    return {"kind": KIND, "metadata": metadata | more}


def listed(version: int, *items: KubernetesObject) -> ObjectList:
    return ObjectList(items, str(version))


def versions(cache: Cache) -> list[tuple[str, str]]:
    objects = (item["metadata"] for item in cache.objects())
    return sorted((item["name"], item["resourceVersion"]) for item in objects)


def test_the_newest_version_of_an_object_wins() -> None:
    cache = Cache()

    assert cache.put(found(2))
    assert not cache.put(found(1))
    assert cache.put(found(3))
    assert versions(cache) == [("canvas", "3")]


def test_a_newer_version_of_the_same_generation_is_stored_and_no_change() -> None:
    cache = Cache()
    cache.put(found(2, generation=1))

    assert not cache.put(found(5, generation=1))
    assert versions(cache) == [("canvas", "5")]


def test_a_written_status_is_stored_unless_the_spec_changed_meanwhile() -> None:
    cache = Cache()
    cache.put(found(2, generation=1))

    cache.put_written(found(5, generation=1))
    cache.put_written(found(7, generation=2))

    assert versions(cache) == [("canvas", "5")]
    assert cache.put(found(7, generation=2))


def test_a_written_status_of_an_object_that_is_gone_is_not_stored() -> None:
    cache = Cache()

    cache.put_written(found(2))

    assert cache.objects() == []


def test_an_object_with_a_deletion_timestamp_is_removed() -> None:
    cache = Cache()
    cache.put(found(2))

    assert cache.put(found(3, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert cache.objects() == []


def test_removing_an_unknown_object_is_no_change() -> None:
    assert not Cache().remove(found(1))


def test_a_late_deletion_does_not_remove_a_new_object_of_the_same_name() -> None:
    cache = Cache()
    cache.put(found(1, uid="old"))
    cache.put(found(3, uid="new"))

    assert not cache.remove(found(2, uid="old"))
    assert versions(cache) == [("canvas", "3")]


def test_a_list_adds_new_objects_and_removes_missing_ones() -> None:
    cache = Cache()
    cache.put(found(1, name="gone", uid="u1"))

    cache.replace(KIND, listed(5, found(4, name="new", uid="u2")))

    assert versions(cache) == [("new", "4")]


def test_a_list_of_one_kind_does_not_change_the_other() -> None:
    cache = Cache()
    cache.put(found(1) | {"kind": "ProviderBinding"})

    cache.replace(KIND, listed(5))

    assert versions(cache) == [("canvas", "1")]


def test_a_list_does_not_undo_newer_events() -> None:
    cache = Cache()
    cache.put(found(7, name="edited", uid="u1"))
    cache.put(found(8, name="created", uid="u2"))
    cache.put(found(2, name="deleted", uid="u3"))
    cache.remove(found(9, name="deleted", uid="u3"))

    stale = listed(5, found(1, name="edited", uid="u1"), found(2, name="deleted", uid="u3"))
    cache.replace(KIND, stale)

    assert versions(cache) == [("created", "8"), ("edited", "7")]


def test_unused_metadata_is_dropped() -> None:
    whole = found(2, managedFields=[{"manager": "kubectl"}], annotations={"a": "b"})

    assert trimmed(whole) == found(2)


def test_objects_of_two_responses_share_their_keys() -> None:
    one, two = (trimmed(json.loads('{"metadata": {}, "spec": {"displayName": ""}}')) for _ in "ab")

    assert next(iter(one["spec"])) is next(iter(two["spec"]))


class Store:
    """An API server with two names: its events, and the list that it would return at any time."""

    def __init__(self) -> None:
        self.objects: dict[str, KubernetesObject] = {}
        self.events: list[tuple[str, KubernetesObject]] = []
        self.lists = [listed(0)]

    def change(self, name: str, delete: bool) -> None:
        version = len(self.events) + 1
        known = self.objects.get(name)
        if known and delete:
            del self.objects[name]
            self.events.append(("DELETED", found(version, name=name, uid=known["metadata"]["uid"])))
        else:
            uid = known["metadata"]["uid"] if known else f"{name}{version}"
            self.objects[name] = found(version, name=name, uid=uid)
            self.events.append(("MODIFIED" if known else "ADDED", self.objects[name]))
        self.lists.append(listed(version, *self.objects.values()))

    def versions(self) -> list[tuple[str, str]]:
        objects = (item["metadata"] for item in self.objects.values())
        return sorted((item["name"], item["resourceVersion"]) for item in objects)


CHANGES = st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=12)


def deliver(cache: Cache, event: tuple[str, KubernetesObject]) -> None:
    (cache.remove if event[0] == "DELETED" else cache.put)(event[1])


@given(CHANGES, st.data())
def test_late_lists_never_undo_an_event(
    changes: list[tuple[str, bool]], data: st.DataObject
) -> None:
    world, cache, seen = Store(), Cache(), 0
    for name, delete in changes:
        world.change(name, delete)
        deliver(cache, world.events[-1])
        seen = data.draw(st.integers(seen, len(world.lists) - 1), label="state that is listed")
        cache.replace(KIND, world.lists[seen])

        assert versions(cache) == world.versions()


@given(CHANGES, st.data())
def test_a_list_corrects_every_lost_event(
    changes: list[tuple[str, bool]], data: st.DataObject
) -> None:
    world, cache = Store(), Cache()
    for name, delete in changes:
        world.change(name, delete)
        if data.draw(st.booleans(), label="event arrives"):
            deliver(cache, world.events[-1])

    cache.replace(KIND, world.lists[-1])

    assert versions(cache) == world.versions()
