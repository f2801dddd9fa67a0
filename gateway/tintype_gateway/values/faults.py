"""The kinds of faults that providers report, and the exception that carries one."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "refused",
    "invalid",
    "throttled",
    "unauthorized",
    "unavailable",
    "misconfigured",
    "failed",
    "image_missing",
    "timeout",
    "outcome_unknown",
    "store",
]
"""The one taxonomy that every provider's errors are sorted into; `faults.RULES` tells what follows
from each kind.

refused: the content is refused.
invalid: the request cannot be served as it is.
throttled, unauthorized, unavailable: not processed, for our rate, our credentials, or the provider.
misconfigured: not processed, since the catalog names a model or an endpoint that is not there.
failed: the provider says that it failed, and made no image.
image_missing: the provider ended its work, and says that there is no image.
timeout, outcome_unknown: an image may exist.
store: our own: the image was made, and could not be stored.
"""


@dataclass(eq=False)  # not frozen: Python itself writes the traceback of an exception
class UpstreamFault(Exception):
    """A call that gave no image."""

    kind: FaultKind
    message: str
    """What the client may read."""

    code: str | None = None
    """The provider's own name of the error."""

    retry_after_seconds: int | None = None
    param: str | None = None
    """The field of the client's request that the provider names."""

    uncharged: bool = False
    """Whether the provider says that it charges nothing for the call."""

    cause: str | None = None
    """The provider's own words, which may speak of our account: for the log, never for clients."""

    status: int | None = None
    """The HTTP status of the provider's response, None where there was none."""

    request_id: str | None = None
    """The provider's own id of the call."""
