"""Objects at the edge of validity: each place of a sound object, with each of many odd values."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

ODD_VALUES: tuple[Any, ...] = (
    *("", "a", "-a", "a b", "a\n", "é", "a" * 65, "a" * 129, "a" * 254, "a" * 4097),
    *("None", "Map", "Pixels", "per_image", "1024x1024", "0x10", "16:9", "99999:1", "2K"),
    *("0", "1.5", "-1", "1e3", "1234567", "ftp://a", "https://a b", "2026-02-28", "2026-02-30"),
    *(0, 1, -1, 11, 65536, 2**53 + 1, 2**63 - 1, 1.5, 1.0, True),
    *([], ["a"], ["a"] * 65, [None], {}, {"a": "b"}, {"a b": "b"}, {"a": ["b"]}, {"name": "a"}),
)


class Edge(NamedTuple):
    """A changed object and what was done to it."""

    change: str
    manifest: dict[str, Any]


def edges(manifests: Iterable[dict[str, Any]]) -> Iterator[Edge]:
    """Yield the objects with each field of their specs replaced, left out, or joined by a new one.

    A value of another type than the field's is for the first object of a kind with that field:
    a schema refuses it whatever else an object says.
    """
    seen: set[tuple[str, Path]] = set()
    for manifest in manifests:
        for path in _paths(manifest["spec"], ("spec",)):
            sound = _at(manifest, path)
            for value in ODD_VALUES:
                if (manifest["kind"], path) not in seen or _type(value) is _type(sound):
                    yield _changed(manifest, path, value)
            yield _without(manifest, path)
            if isinstance(sound, dict):
                yield _changed(manifest, (*path, "unheardOf"), 1)
            seen.add((manifest["kind"], path))


def _type(value: Any) -> type:
    return int if isinstance(value, float) else type(value)


def _paths(node: Any, path: Path) -> Iterator[Path]:
    yield path
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _paths(child, (*path, name))
    elif isinstance(node, list):
        for index, child in enumerate(node[:1]):
            yield from _paths(child, (*path, index))


def _at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def _changed(manifest: dict[str, Any], path: Path, value: Any) -> Edge:
    changed = copy.deepcopy(manifest)
    _at(changed, path[:-1])[path[-1]] = value
    return Edge(f"{_text(path)} = {value!r:.80}", changed)


def _without(manifest: dict[str, Any], path: Path) -> Edge:
    changed = copy.deepcopy(manifest)
    del _at(changed, path[:-1])[path[-1]]
    return Edge(f"{_text(path)} left out", changed)


def _text(path: Path) -> str:
    return ".".join(str(step) for step in path)
