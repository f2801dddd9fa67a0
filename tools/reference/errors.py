"""The page of errors, from the classes of errors and the table of faults."""

import inspect
from collections.abc import Iterator

from tintype_gateway.errors import GatewayError
from tintype_gateway.faults import RULES, SUMMARIES
from tools.reference.markdown import code, prose, table

INTRODUCTION = """# Errors

Every error response has OpenAI's envelope, `{"error": {"message", "type", "param", "code"}}`. [The
API](../api.md#errors) says when a client gets each `code`. This page has what the gateway derives
them from.

## By status

A response has the code of its kind unless the table in [The API](../api.md#errors) names another
one for the status.

"""

FAULTS = """
## Faults of providers

What a gateway does when a call to a provider fails. A call is repeated only where the provider
provably made no image. A fault *opens* the circuit of its route at once, or *counts* towards it.
Where an image may have been made, the call counts as unsettled, and a repeat with the same
`Idempotency-Key` is refused.

"""

CLASS_HEADS = ("Status", "`type`", "`code`", "When")
FAULT_HEADS = (
    *("Fault", "Status", "`code`", "Repeated on", "Circuit", "`x-should-retry`"),
    *("May have cost", "Default message"),
)


def page() -> str:
    """Return the page."""
    return INTRODUCTION + table(CLASS_HEADS, _classes()) + FAULTS + table(FAULT_HEADS, _faults())


def _classes() -> Iterator[tuple[str, ...]]:
    known = sorted(_subclasses(GatewayError), key=lambda each: (each.status, each.__name__))
    for each in known:
        text = prose(inspect.getdoc(each) or "")
        yield str(each.status), code(each.type), code(each.code or ""), text


def _subclasses(base: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Yield the public classes of errors; others are details of one module."""
    for each in base.__subclasses__():
        if each.__module__ == base.__module__:
            yield each
        yield from _subclasses(each)


def _faults() -> Iterator[tuple[str, ...]]:
    for kind, rule in RULES.items():
        yield (
            code(kind),
            str(rule.error.status),
            code(rule.code),
            "" if rule.retry == "never" else rule.retry,
            "" if rule.circuit == "ignores" else rule.circuit,
            code("true" if rule.should_retry else "false"),
            "yes" if rule.may_have_cost else "",
            prose(SUMMARIES.get(kind, "")),
        )
