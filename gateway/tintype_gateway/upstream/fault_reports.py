"""Reports of failed calls: one line in the log, and attributes of the call's span.

Providers quote the request in many of their errors. The provider's message is therefore reported
only for faults of the platform or the catalog, and without any part of the request or of the
credentials.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping

from tintype_gateway.faults import rule_of
from tintype_gateway.observability import spans
from tintype_gateway.observability.access_log import REMOVED, shown
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.job import Job
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

log = logging.getLogger(__name__)

LONGEST_CAUSE = 300
LONGEST_NAME = 80

_IDENTIFIER = re.compile(r"(?!sk-|eyJ|AIza|AKIA|ASIA|ABSK)[\w.:-]{1,80}", re.ASCII)
"""The forms of request ids: `req_...` with 32 hexadecimal digits, UUIDs, and the like."""

_QUOTED = 12
"""A shared sequence of at least this many characters is a quotation of the request."""

_SHORTEST = 4
"""Shorter texts occur in any message by chance."""


def report(fault: UpstreamFault, plan: Plan, route: Route) -> None:
    """Write the log line of a fault of a call over this route, and tell the call's span."""
    fields = _fields(fault, [*_credentials(plan), *_texts(plan.job)])
    spans.failed(fields)
    extra = {
        "request_id": current_meter().request_id,
        "provider": route.binding.provider,
        "region": route.region,
        "binding": route.binding.name,
        "fault": fault.kind,
        **fields,
    }
    level = logging.INFO if rule_of(fault).quotes_request else logging.WARNING
    log.log(level, "call to the provider gave no image", extra=extra)


def _fields(fault: UpstreamFault, hidden: Iterable[str]) -> dict[str, str | int]:
    """Return the fields of a fault that may be reported."""
    described: dict[str, str | None] = {
        "upstream_error": _clean(fault.code, LONGEST_NAME, hidden),
        "upstream_request_id": _identifier(fault.request_id, hidden),
    }
    if not rule_of(fault).quotes_request:
        described["cause"] = _clean(fault.cause or fault.message, LONGEST_CAUSE, hidden)
    status = {} if fault.status is None else {"upstream_status": fault.status}
    return status | {name: value for name, value in described.items() if value}


def _identifier(text: str | None, hidden: Iterable[str]) -> str | None:
    """Return the provider's request id unchanged, because the provider's support asks for it.

    Text in another form, or with a part of the request or the credentials, is redacted.
    """
    if text is None or _IDENTIFIER.fullmatch(text) is None:
        return _clean(text, LONGEST_NAME, hidden)
    line = text
    for quoted in hidden:
        line = _without(line, quoted)
    return line


def _clean(text: str | None, limit: int, hidden: Iterable[str]) -> str | None:
    if text is None:
        return None
    line = shown(text, limit)
    for quoted in hidden:
        line = _without(line, quoted)
    return line


def _without(line: str, quoted: str) -> str:
    """Return a line without the parts that also occur in another text."""
    folded, whole = line.lower(), " ".join(quoted.split()).lower()
    width = min(_QUOTED, len(whole))
    if width < _SHORTEST or len(folded) != len(line):
        return line if width < _SHORTEST else REMOVED
    parts: list[str] = []
    start = 0
    while start < len(line):
        end = start + width
        if folded[start:end] not in whole or end > len(line):
            parts.append(line[start])
            start += 1
            continue
        while end < len(line) and folded[start : end + 1] in whole:
            end += 1
        parts.append(REMOVED)
        start = end
    return "".join(parts)


def _credentials(plan: Plan) -> Iterator[str]:
    for candidate in plan.candidates:
        yield from candidate.credentials.values()
        yield from (candidate.headers or {}).values()


def _texts(job: Job) -> Iterator[str]:
    """Yield the free texts of a job, which are not names of qualities, formats or styles."""
    yield job.prompt
    yield from filter(_is_written, _strings([job.parameters, job.extras]))


def _is_written(text: str) -> bool:
    return len(text) >= _QUOTED


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _strings(item)
        case list() | tuple():
            for item in value:
                yield from _strings(item)
