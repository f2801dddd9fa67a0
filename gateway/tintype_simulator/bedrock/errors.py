"""Bedrock's errors: the name stands in a header, and the body holds little but the message.

The rows of `ERRORS` are for scripted faults: `{"error": "bedrock/ThrottlingException"}`. Names and
statuses are those of botocore's model of `bedrock-runtime`, and for credentials AWS's common ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tintype_simulator.dialect import Answer, json_answer

NAMESPACE = "http://internal.amazon.com/coral/com.amazon.bedrock/"
"""What follows the name in the header."""


@dataclass(eq=False)
class BedrockError(Exception):
    """An error as Bedrock reports it; by default a request that is at fault."""

    message: str
    name: str = "ValidationException"
    status: int = 400
    members: Mapping[str, object] = field(default_factory=dict)
    """What the body holds beside the message."""

    def answer(self) -> Answer:
        """Return the error as it goes over the wire."""
        answer = json_answer({"message": self.message, **self.members}, self.status)
        headers = {**answer.headers, "x-amzn-errortype": f"{self.name}:{NAMESPACE}"}
        return replace(answer, headers=headers)


def malformed(pointer: str, complaint: str) -> BedrockError:
    """Return the answer to a body that breaks the model's schema at a JSON pointer."""
    text = f"Malformed input request: {pointer}: {complaint}"
    return BedrockError(f"{text}, please reformat your input and try again.")


def content_filtered() -> BedrockError:
    """Return the refusal of a prompt by Titan and Nova Canvas; Stability's models refuse by 200."""
    return BedrockError(
        "This request has been blocked by our content filters. "
        "Please adjust your text prompt to submit a new request."
    )


def invalid_model() -> BedrockError:
    """Return the answer to a model that there is not, or not in this region."""
    return BedrockError("The provided model identifier is invalid.")


def needs_profile(model: str) -> BedrockError:
    """Return the answer to the bare id of a model that is called by inference profile only."""
    return BedrockError(
        f"Invocation of model ID {model} with on-demand throughput "
        "isn\N{RIGHT SINGLE QUOTATION MARK}t supported. "
        "Retry with the ID or ARN of an inference profile that contains this model."
    )


def forbidden(name: str, message: str) -> BedrockError:
    """Return the answer to credentials that prove nothing."""
    return BedrockError(message, name, 403)


def unrecognized() -> BedrockError:
    """Return the answer to credentials that nobody has."""
    message = "The security token included in the request is invalid."
    return forbidden("UnrecognizedClientException", message)


ERRORS: Mapping[str, BedrockError] = {
    "ValidationException": BedrockError(
        "Malformed input request, please reformat your input and try again."
    ),
    "ContentFiltered": content_filtered(),
    "InvalidModelIdentifier": invalid_model(),
    "OnDemandNotSupported": needs_profile("stability.stable-outpaint-v1:0"),
    "ServiceQuotaExceededException": BedrockError(
        "Your request exceeds the service quota for your account.", "ServiceQuotaExceededException"
    ),
    "ConflictException": BedrockError("The resource is in use.", "ConflictException"),
    "AccessDeniedException": forbidden(
        "AccessDeniedException", "You don't have access to the model with the specified model ID."
    ),
    "UnrecognizedClientException": unrecognized(),
    "InvalidSignatureException": forbidden(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
    ),
    "ExpiredTokenException": forbidden(
        "ExpiredTokenException", "The security token included in the request is expired"
    ),
    "ResourceNotFoundException": BedrockError(
        "This model version has reached the end of its life.", "ResourceNotFoundException", 404
    ),
    "ModelTimeoutException": BedrockError(
        "Model has timed out in processing the request.", "ModelTimeoutException", 408
    ),
    "ModelErrorException": BedrockError(
        "The model could not process the request.",
        "ModelErrorException",
        424,
        {"originalStatusCode": 500, "resourceName": "simulated"},
    ),
    "ThrottlingException": BedrockError(
        "Too many requests, please wait before trying again.", "ThrottlingException", 429
    ),
    "ModelNotReadyException": BedrockError(
        "The model is not ready for inference.", "ModelNotReadyException", 429
    ),
    "InternalServerException": BedrockError(
        "The system encountered an unexpected error during processing. Try your request again.",
        "InternalServerException",
        500,
    ),
    "ServiceUnavailableException": BedrockError(
        "Bedrock is unable to process your request.", "ServiceUnavailableException", 503
    ),
}
