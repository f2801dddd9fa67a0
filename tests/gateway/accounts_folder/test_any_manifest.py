"""Reading any manifests ends in resources or in problems, and forgets no owner."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.catalog.test_any_manifest import paths
from tests.gateway.accounts_folder.test_applying import ACCOUNT, GRANT, KEY
from tintype_gateway.accounts_folder.manifests import parse_manifests
from tintype_testing.manifests import Manifest, changed


@st.composite
def spoiled(draw: st.DrawFn) -> Manifest:
    """Draw a manifest in which something was replaced by anything."""
    manifest = draw(st.sampled_from([ACCOUNT, KEY, GRANT]))
    return changed(manifest, draw(st.sampled_from(list(paths(manifest)))), draw(json_values))


@given(st.lists(spoiled() | st.dictionaries(st.text(max_size=8), json_values, max_size=5)))
def test_each_manifest_is_read_or_has_problems(manifests: list[dict[str, Any]]) -> None:
    parsed = parse_manifests(manifests)

    read = len(parsed.accounts) + len(parsed.keys) + len(parsed.grants)
    assert read + len(parsed.problems) >= len(manifests)
    assert all(str(problem) for problem in parsed.problems)


@given(st.sampled_from([path for path in paths(ACCOUNT) if path.startswith("spec")]), json_values)
def test_a_spec_that_is_wrong_is_no_deletion(path: str, value: Any) -> None:
    sound, spoilt = parse_manifests([ACCOUNT]), parse_manifests([changed(ACCOUNT, path, value)])

    assert spoilt.account_owners == sound.account_owners
