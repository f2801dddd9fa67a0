"""A catalog with its indexes."""

import asyncio
import threading
import weakref

import pytest

from tintype_gateway.catalog.snapshot import Snapshot
from tintype_testing.builders import snapshot
from tintype_testing.manifests import compiled, image_model, provider_binding, qualities
from tintype_testing.waiting import eventually_equal


def names(known: Snapshot, model_id: str) -> list[str]:
    return [binding.name for binding in known.bindings_of(known.models[model_id])]


def test_a_model_is_found_by_its_id_and_by_each_alias() -> None:
    known = snapshot(image_model("canvas", id="studio/canvas:1", aliases=["a", "b"]))
    assert sorted(known.models) == ["a", "b", "studio/canvas:1"]
    assert {model.name for model in known.models.values()} == {"canvas"}


def test_bindings_come_with_the_preferred_ones_first() -> None:
    known = snapshot(
        image_model("one"),
        image_model("two"),
        provider_binding("last", model="one", priority=9),
        provider_binding("other", model="two"),
        provider_binding("first", model="one", priority=0),
        provider_binding("middle", model="one", priority=5, active=False),
    )
    assert names(known, "one") == ["first", "middle", "last"]
    assert names(known, "two") == ["other"]


def test_bindings_belong_to_the_object_and_not_to_the_id() -> None:
    known = snapshot(
        image_model("one", id="two"), image_model("two", id="one"), provider_binding(model="one")
    )
    assert names(known, "two") == ["one-openai"]
    assert names(known, "one") == []


def test_it_knows_revision_and_sequence() -> None:
    catalog = compiled(image_model())
    known = Snapshot.of(catalog, 9)
    assert (known.catalog, known.revision, known.sequence) == (catalog, catalog.revision(), 9)


def test_an_empty_catalog_knows_the_words_of_openai() -> None:
    words = snapshot().view().vocabulary
    assert words.qualities == {"standard", "hd", "low", "medium", "high", "auto"}
    assert words.styles == {"vivid", "natural"}
    assert words.provider_parameters == {}


def test_the_vocabulary_adds_the_words_of_every_model() -> None:
    style = {"style": {"handling": "Map", "values": {"noir": "noir"}}}
    words = (
        snapshot(
            image_model(
                "one", parameters=qualities(premium="high"), providerParameters={"svg": []}
            ),
            image_model("two", parameters=style, providerParameters={"svg": ["a"], "seeds": []}),
        )
        .view()
        .vocabulary
    )
    assert "premium" in words.qualities
    assert "noir" in words.styles
    assert words.provider_parameters == {"svg": ("one", "two"), "seeds": ("two",)}


async def test_the_loop_turns_while_a_document_is_made_and_all_wait_for_the_same_one() -> None:
    view, turned, made = snapshot().view(), threading.Event(), list[int]()

    def make() -> int:
        assert turned.wait(30), "the loop stood still"
        made.append(1)
        return len(made)

    asked = [asyncio.create_task(view.once("models", 1, make)) for _ in range(3)]
    await asyncio.sleep(0)
    turned.set()

    assert await asyncio.gather(*asked) == [1, 1, 1]
    assert await view.once("models", 2, make) == 2


async def test_a_document_that_could_not_be_made_is_made_anew() -> None:
    view = snapshot().view()

    with pytest.raises(ZeroDivisionError):
        await view.once("models", 1, lambda: 1 // 0)
    assert await view.once("models", 1, lambda: 1) == 1


async def test_models_of_a_snapshot_that_nobody_uses_end_in_another_thread() -> None:
    known = snapshot(image_model("canvas")).prepared()
    ends = list[bool]()
    here = threading.get_ident()
    weakref.finalize(known.models["canvas"], lambda: ends.append(threading.get_ident() == here))

    del known

    await eventually_equal(lambda: ends, [False])


def test_a_snapshot_may_end_when_a_program_has_no_threads_any_more() -> None:
    troubles = list[object]()

    async def program() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, trouble: troubles.append(trouble["message"]))
        known = snapshot(image_model("canvas")).prepared()
        await loop.shutdown_default_executor()
        del known
        await asyncio.sleep(0)

    asyncio.run(program())

    assert troubles == []
