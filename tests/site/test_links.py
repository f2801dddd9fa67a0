"""Links that lead to files of the repository lead somewhere on the site, too."""

import pytest

from tools.site_hooks import relinked


@pytest.mark.parametrize(
    ("page", "markdown", "expected"),
    [
        ("api.md", "[a](jobs.md#wait), [b](#errors)", "[a](jobs.md#wait), [b](#errors)"),
        ("reference/errors.md", "[a](../api.md)", "[a](../api.md)"),
        ("api.md", "[a](https://example.com)", "[a](https://example.com)"),
        ("api.md", "[a](../SECURITY.md#security)", "[a](security.md#security)"),
        ("security.md", "[a](docs/threat-model.md)", "[a](threat-model.md)"),
        ("kubernetes.md", "[a](../charts/tintype/README.md)", "[a](reference/chart.md)"),
        ("contributing.md", "[a](README.md)", "[a](index.md)"),
        ("api.md", "[crds](../crds), [a](../crds)", "crds, a (`crds` in the repository)"),
        ("api.md", "![a](images/soak.svg)", "![a](images/soak.svg)"),
        ("api.md", "`[a](no.md)`\n```\n[b](no.md)\n```", "`[a](no.md)`\n```\n[b](no.md)\n```"),
        ("api.md", r"| `a\|b` | a\|b |", r"| `a|b` | a\|b |"),
        ("api.md", r"not in a table: `a\|b`", r"not in a table: `a\|b`"),
    ],
)
def test_a_link_becomes_one_of_the_site(page: str, markdown: str, expected: str) -> None:
    assert relinked(markdown, page) == expected


def test_a_link_to_nothing_is_an_error() -> None:
    with pytest.raises(FileNotFoundError, match=r"api\.md: \.\./nothing\.md leads to nothing"):
        relinked("[a](../nothing.md)", "api.md")
