"""Everything that this package raises.

KubernetesError
├── ConfigError              no usable kubeconfig, or not inside a cluster
├── UnreachableError         no complete answer: refused, reset, cut, or past its deadline
└── ApiError                 the API server answered, and refused
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
    """There is no way to reach a cluster; the message names what was looked for."""


class UnreachableError(KubernetesError):
    """The API server gave no complete answer, so whether the call took effect is unknown."""


class ApiError(KubernetesError):
    """The API server refused the call."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        """Keep the parts of the answer.

        Args:
            status: The HTTP status.
            reason: Kubernetes' own word for it, such as `AlreadyExists`; may be empty.
            message: The server's sentence for people.
            retry_after: Seconds that the server asked to wait, if it did.
        """
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class ForbiddenError(ApiError):
    """The credentials are known, but RBAC does not allow this call."""


class NotFoundError(ApiError):
    """There is no such object, or no such resource (its CRD is missing)."""


class ConflictError(ApiError):
    """The object exists already, or it changed in between, or another manager owns the field."""


class WatchExpiredError(ApiError):
    """The resourceVersion, or a list's continue token, is older than the server remembers.

    The only cure is a new list.
    """


_BY_STATUS: Mapping[int, type[ApiError]] = {
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: WatchExpiredError,
}


def api_error(status: Mapping[str, Any], retry_after: float | None = None) -> ApiError:
    """The error that a Kubernetes `Status` object stands for."""
    code = int(status.get("code") or 500)
    kind = _BY_STATUS.get(code, ApiError)
    return kind(code, status.get("reason") or "", status.get("message") or "", retry_after)
