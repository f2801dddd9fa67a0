"""A generation of an object is parsed once."""

from tintype_catalog.compiler import compile_manifests
from tintype_operator.compile.parse_cache import ParseCache
from tintype_testing.manifests import Manifest, changed, image_model, provider_binding


def stored(generation: int) -> Manifest:
    model = image_model()
    model["metadata"] |= {"uid": "u1", "generation": generation}
    return model


def test_a_generation_is_parsed_once() -> None:
    parser = ParseCache()

    assert parser(stored(1)) is parser(stored(1))


def test_a_new_generation_is_parsed_again() -> None:
    parser = ParseCache()
    sound = parser(stored(1))

    assert isinstance(parser(changed(stored(2), "spec.oops", 1)), list)
    assert parser(stored(3)) == sound


def test_the_results_of_deleted_objects_are_dropped() -> None:
    parser = ParseCache()
    before = parser(stored(1))

    parser.forget_others([stored(1)])
    assert parser(stored(1)) is before
    parser.forget_others([])
    assert parser(stored(1)) is not before


def test_successive_catalogs_share_the_entries_of_what_did_not_change() -> None:
    parser = ParseCache()
    binding = provider_binding()
    binding["metadata"] |= {"uid": "u2", "generation": 1}
    before = compile_manifests([stored(1), binding], parse=parser).catalog

    edited = changed(stored(2), "spec.displayName", "Edited")
    after = compile_manifests([edited, binding], before, parse=parser).catalog

    assert after.bindings[0] is before.bindings[0]
    assert after == compile_manifests([edited, binding]).catalog != before
