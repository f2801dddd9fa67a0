"""The calls that show whether a provider accepts credentials, and that cost nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from tintype_catalog.catalog import Binding
from tintype_catalog.providers import NO_REGION, SERVICES, own_host


@dataclass(frozen=True)
class FreeCall:
    """A GET request."""

    url: str
    headers: Mapping[str, str]


PATHS = {
    "openai-images": "/v1/models",
    "azure-openai": "/openai/v1/models",
    "google-predict": "/v1beta/models?pageSize=1",
    "google-generate-content": "/v1beta/models?pageSize=1",
    "xai-images": "/v1/models",
    "replicate": "/v1/account",
    "bfl": "/v1/credits",
    "bedrock-amazon": "/foundation-models",
    "bedrock-stability": "/foundation-models",
}
"""The path of the free call of a dialect. The others have none that needs the credentials:

- fal: its queue has no list (https://docs.fal.ai/model-apis/model-endpoints/queue).
- Vertex AI: to get an access token, which is free, shows that the identity is accepted.
"""


def free_call(binding: Binding, credentials: Mapping[str, str]) -> FreeCall | None:
    """Return the free call of a binding's provider; None if it has none."""
    path = PATHS.get(binding.dialect)
    if path is None:
        return None
    region = binding.regions[0] if binding.regions else NO_REGION
    if binding.dialect.startswith("bedrock-"):
        return _bedrock(binding, path, region, credentials)
    if binding.api is not None:
        path = f"{binding.api.path_prefix}/models"
    host = own_host(SERVICES[binding.dialect], region)
    base = (binding.endpoint or f"https://{host}").rstrip("/")
    return FreeCall(base + path, _headers(binding, credentials))


def _headers(binding: Binding, credentials: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that carry the credentials, as the dialects send them."""
    if token := credentials.get("access-token"):
        return {"Authorization": f"Bearer {token}"}
    key = credentials.get("api-key")
    if key is None:
        return {}
    match binding.dialect:
        case "azure-openai":
            return {"api-key": key}
        case "google-predict" | "google-generate-content":
            return {"x-goog-api-key": key}
        case "bfl":
            return {"x-key": key}
    header = "Authorization" if binding.api is None else binding.api.key_header
    return {header: f"Bearer {key}" if header.lower() == "authorization" else key}


def _bedrock(binding: Binding, path: str, region: str, credentials: Mapping[str, str]) -> FreeCall:
    """Return the list of models, which another host of Bedrock has than calls of models.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
    """
    base = binding.endpoint or f"https://bedrock.{region}.amazonaws.com"
    url = base.rstrip("/") + path
    if bearer := credentials.get("aws-bearer-token"):
        return FreeCall(url, {"Authorization": f"Bearer {bearer}"})
    request = AWSRequest("GET", url, headers={"Accept": "application/json"})
    keys = AwsCredentials(
        credentials["aws-access-key-id"],
        credentials["aws-secret-access-key"],
        credentials.get("aws-session-token"),
    )
    SigV4Auth(keys, "bedrock", region).add_auth(request)
    return FreeCall(url, dict(request.headers.items()))
