"""The kinds of faults that providers report, and the exception that carries one."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "refused",
    "invalid",
    "throttled",
    "busy",
    "unauthorized",
    "unavailable",
    "misconfigured",
    "failed",
    "image_missing",
    "timeout",
    "outcome_unknown",
    "store",
    "upload",
    "denied",
    "unjudged",
]
"""The kinds of errors of all providers; `faults.RULES` has the consequences of each kind.

refused: the content is refused.
invalid: the request cannot be served as it is.
throttled, unauthorized, unavailable: not processed, because of the gateway's rate or credentials,
or because the provider is unavailable.
busy: not sent, because all concurrent calls of the binding are in use.
misconfigured: not processed, because the catalog names a model or an endpoint that does not exist.
failed: the provider reports that it failed and made no image.
image_missing: the provider completed the call, and reports that there is no image.
timeout, outcome_unknown: an image may exist.
store: the gateway could not store the image, which the provider has made.
upload: not processed, because the gateway cannot read an image of the request while it sends it.
denied: the policy service denies the images, which the provider has made.
unjudged: the policy service gives no verdict on the images, which the provider has made.
"""


@dataclass(eq=False)  # not frozen: Python sets the traceback of an exception
class UpstreamFault(Exception):
    """A failed call to a provider."""

    kind: FaultKind
    message: str
    """The message for the client."""

    code: str | None = None
    """The provider's own name of the error."""

    retry_after_seconds: int | None = None
    param: str | None = None
    """The field of the client's request that the provider names."""

    uncharged: bool = False
    """Whether the provider reports that it does not charge for the call."""

    charged: bool = False
    """Whether the provider may charge for the call, although the kind of the fault says that there
    is no image, as with a prompt that is refused after the work was done."""

    cause: str | None = None
    """The provider's own message, which may contain account details: only for the log."""

    status: int | None = None
    """The HTTP status of the provider's response, or None."""

    request_id: str | None = None
    """The provider's own id of the call."""

    sold_milliseconds: int | None = None
    """The time that the provider had taken when the call failed, if the client had been sent a part
    of an image that passed through; otherwise None."""
