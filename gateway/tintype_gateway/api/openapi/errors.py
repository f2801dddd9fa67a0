"""Every error response of the API: its status, its codes, and its cause."""

from typing import NamedTuple


class Fault(NamedTuple):
    """The errors of one status."""

    when: str
    codes: tuple[str, ...]


FAULTS = {
    400: Fault(
        "The request cannot be served as it is.",
        (
            *("malformed_http", "invalid_json", "invalid_body", "invalid_multipart"),
            *("duplicate_parameter", "too_many_fields", "too_many_images"),
            *("invalid_image_file", "invalid_image_url"),
            *("unsupported_modality", "unsupported_operation"),
            *("no_active_providers", "unknown_provider", "provider_not_available"),
            *("conflicting_providers", "unsupported_parameter", "unsupported_value"),
            *("invalid_idempotency_key", "unknown_profile", "moderation_blocked"),
            "content_policy",
            *("image_store_required", "jobs_unavailable", "webhook_secret_required"),
            # From the provider, after the gateway's own checks.
            *("missing_required_parameter", "unknown_parameter", "invalid_type", "invalid_value"),
        ),
    ),
    401: Fault("The API key or JWT is missing or unknown.", ("invalid_api_key",)),
    402: Fault(
        "The account has fewer credits than the request could cost, or would exceed a budget.",
        ("insufficient_credits", "budget_exceeded"),
    ),
    403: Fault(
        "The account is suspended or may have no webhooks, or the link to an image is invalid or"
        " has expired.",
        ("account_suspended", "webhooks_not_allowed", "invalid_signature", "link_expired"),
    ),
    404: Fault(
        "There is no such model, image, job or path.",
        (
            *("model_not_found", "unknown_url", "image_not_found", "job_not_found"),
            "webhook_not_found",
        ),
    ),
    405: Fault(
        "The path does not support the method: `Allow` lists those that it supports.",
        ("method_not_allowed",),
    ),
    408: Fault("The body arrives too slowly.", ("request_timeout",)),
    409: Fault(
        "The idempotency key belongs to another request, or the job has not ended.",
        (
            "job_not_finished",
            *("idempotency_mismatch", "idempotency_in_progress"),
            *("idempotency_replay_unavailable", "idempotency_outcome_unknown"),
        ),
    ),
    413: Fault("The body is too large.", ("payload_too_large",)),
    414: Fault("The path is too long.", ("uri_too_long",)),
    415: Fault(
        "The body is neither JSON nor a form, or is compressed.", ("unsupported_media_type",)
    ),
    416: Fault("`Range` is outside the image.", ("range_not_satisfiable",)),
    417: Fault("`Expect` is not `100-continue`.", ("expectation_failed",)),
    422: Fault(
        "Invalid fields, all of them at once.",
        ("missing_required_parameter", "unknown_parameter", "invalid_type", "invalid_value"),
    ),
    429: Fault(
        "The account has exceeded a rate limit, or the gateway or the provider is overloaded.",
        ("rate_limit_exceeded", "job_queue_full", "overloaded", "provider_busy"),
    ),
    431: Fault("The headers are too large, or too many.", ("headers_too_large",)),
    503: Fault(
        "The provider, the ledger or the catalog cannot serve the request now.",
        (
            *("provider_unavailable", "provider_throttled", "provider_unauthorized"),
            *(
                "image_missing",
                "timeout",
                "outcome_unknown",
                "upload_storage_unavailable",
                "ledger_unavailable",
                "guardrail_unavailable",
            ),
            *("catalog_unavailable", "issuer_unavailable", "image_store_unavailable"),
            *("job_expired", "job_abandoned", "job_unreadable"),
        ),
    ),
}
"""The errors by status. A defect is 500 with `internal_error`, and not part of the contract."""

ALWAYS = (400, 401, 405, 414, 417, 431, 503)
"""The statuses that every path may return."""

AUTHENTICATED = (*ALWAYS, 403, 429)
"""The statuses that paths for accounts may return."""

WITH_BODY = (*AUTHENTICATED, 402, 404, 408, 409, 413, 415, 422)
"""The statuses that paths for images may return."""
