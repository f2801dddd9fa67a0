"""The text of an entry of the catalog is made once."""

from tintype_catalog.catalog import Catalog, canonical
from tintype_catalog.compiler import compile_manifests
from tintype_operator.publish.texts import EntryTexts
from tintype_testing.manifests import changed, image_model, provider_binding

OBJECTS = (image_model(), provider_binding())


def catalog() -> Catalog:
    return compile_manifests(OBJECTS).catalog


def test_the_text_of_an_entry_is_made_once() -> None:
    texts = EntryTexts()
    (model,) = catalog().models

    assert texts(model) is texts(model)


def test_a_catalog_is_the_same_bytes_with_remembered_texts() -> None:
    texts = EntryTexts()
    catalog().to_json(texts)
    edited = compile_manifests([changed(OBJECTS[0], "spec.displayName", "New"), OBJECTS[1]]).catalog

    assert edited.to_json(texts) == edited.to_json() != catalog().to_json()


def test_the_texts_of_entries_that_are_gone_are_dropped() -> None:
    texts = EntryTexts()
    (model,) = catalog().models
    before = texts(model)

    texts.forget_others(Catalog())

    assert texts(model) == canonical(model)
    assert texts(model) is not before
