"""The `Prefer` header (RFC 7240): what a client would like, and what the gateway makes of it.

A preference that is unknown, or whose value makes no sense, is ignored, as the RFC demands: the
header never fails a request. Names, and the values that the gateway knows, ignore case.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from tintype_gateway.frozen import frozen_value
from tintype_gateway.pipeline.stages.adapt import Handling

MAX_WAIT_SECONDS = 60
"""The longest wait of a request for a job, below the idle timeout of common proxies. A longer one
that a client asks for becomes this one, and `Preference-Applied` says so."""

MAX_PREFERENCES = 32
"""How many preferences of a header are read. Those that exist are fewer than ten."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - a token of RFC 9110
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'

_ELEMENT = re.compile(rf"[ \t,]*+((?:[^\",]++|{_QUOTED}?+)*+)", re.DOTALL)
"""One preference with its parameters, or the end. A comma in a quoted string, which may lack its
end, is none between two preferences. Nothing is read twice, however hostile the header is."""

_PREFERENCE = re.compile(
    rf"(?P<name>{_TOKEN})[ \t]*+(?:=[ \t]*+(?P<word>{_TOKEN}|{_QUOTED})?[ \t]*+)?(?:;|$)", re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SECONDS = re.compile(r"(?=[0-9])0*+([0-9]*+)")
_DIGITS = 9
"""The digits of a number of seconds that are read: any longer number is above the maximum."""


@frozen_value(frozen=True, slots=True)
class Preferences:
    """The preferences of a request that the gateway knows."""

    handling: Handling | None = None
    """Whether to adjust or to refuse what a model does not take."""

    respond_async: bool = False
    """Whether to store the request as a job, instead of serving it on its connection."""

    wait_seconds: int | None = None
    """How long to wait for what is not ready yet, at most `MAX_WAIT_SECONDS`."""

    return_minimal: bool = False
    """Whether the response may do without what the client can do without."""

    def applied(self, *names: str) -> dict[str, str]:
        """Return the header `Preference-Applied` with those of these preferences that are set."""
        values = {
            "respond-async": "respond-async" if self.respond_async else None,
            "wait": None if self.wait_seconds is None else f"wait={self.wait_seconds}",
            "return": "return=minimal" if self.return_minimal else None,
            "handling": self.handling and f"handling={self.handling}",
        }
        followed = ", ".join(value for name in names if (value := values[name]))
        return {"Preference-Applied": followed} if followed else {}


def preferences(headers: Iterable[str]) -> Preferences:
    """Return the preferences in the values of all `Prefer` headers of a request."""
    given: dict[str, str] = {}
    for header in headers:
        for name, value in _preferences(header):
            given.setdefault(name, value)  # of several with one name, the first counts
    handling = given.get("handling", "").lower()
    seconds = _SECONDS.fullmatch(given.get("wait", ""))
    return Preferences(
        handling="strict" if handling == "strict" else "lenient" if handling == "lenient" else None,
        respond_async="respond-async" in given,
        return_minimal=given.get("return", "").lower() == "minimal",
        wait_seconds=seconds and min(int(seconds[1][:_DIGITS] or 0), MAX_WAIT_SECONDS),
    )


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    """Yield names, in lower case, and values, empty where there is none.

    Parameters of a preference, which come after a semicolon, are skipped: none is defined for those
    that the gateway knows.
    """
    for element in islice(_ELEMENT.finditer(header), MAX_PREFERENCES):
        if found := _PREFERENCE.match(element[1]):
            yield found["name"].lower(), _unquoted(found["word"] or "")


def _unquoted(word: str) -> str:
    return _ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word
