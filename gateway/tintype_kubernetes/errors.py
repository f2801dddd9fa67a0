"""All errors of this package.

KubernetesError
├── ConfigError              no usable kubeconfig, or not inside a cluster
├── UnreachableError         no complete response: refused, reset, aborted or timed out
└── ApiError                 the API server responded with an error
    ├── ForbiddenError       403
    ├── NotFoundError        404
    ├── ConflictError        409
    └── WatchExpiredError    410
"""

from collections.abc import Mapping
from typing import Any


class KubernetesError(Exception):
    """Base of all errors of this package."""


class ConfigError(KubernetesError):
    """There is no usable configuration; the message names the places that were searched."""


class UnreachableError(KubernetesError):
    """There was no complete response, so it is unknown whether the call took effect."""


class ApiError(KubernetesError):
    """The API server responded with an error."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        """Take the fields of the response.

        Args:
            status: The HTTP status.
            reason: The reason of the `Status` object, such as `AlreadyExists`; may be empty.
            message: The message of the `Status` object.
            retry_after: `Retry-After` in seconds, if the response has this header.
        """
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class ForbiddenError(ApiError):
    """RBAC does not allow this call."""


class NotFoundError(ApiError):
    """The object does not exist, or its CustomResourceDefinition is missing."""


class ConflictError(ApiError):
    """The object exists already, its version has changed, or another manager owns a field."""


class WatchExpiredError(ApiError):
    """The server no longer has this resourceVersion or continue token; list again."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: WatchExpiredError,
}


def api_error(status: Mapping[str, Any], retry_after: float | None = None) -> ApiError:
    """Return the error that a Kubernetes `Status` object describes."""
    code = int(status.get("code") or 500)
    kind = _BY_STATUS.get(code, ApiError)
    return kind(code, status.get("reason") or "", status.get("message") or "", retry_after)
