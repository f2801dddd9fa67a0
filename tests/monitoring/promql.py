"""The metrics and labels that a PromQL query names, for the grammar of our own queries."""

import re
from collections import defaultdict

GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"\b((?:tintype|gen_ai|process)_\w+)\s*(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def metrics_of(query: str) -> dict[str, set[str]]:
    """The metrics of a query, each with the labels that it is selected by."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, matchers in SELECTOR.findall(GROUPING.sub("", query)):
        found[name] |= set(MATCHER.findall(re.sub(r'"[^"]*"', "", matchers)))
    return dict(found)


def groupings_of(query: str) -> set[str]:
    """The labels that a query groups or matches by."""
    return {
        label.strip() for labels in GROUPING.findall(query) for label in labels.split(",") if label
    }
