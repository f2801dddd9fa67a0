"""Azure OpenAI: OpenAI's bodies and events, with Azure's paths, credentials and errors.

A binding with a dated `apiVersion` is called by the path of its deployment, any other by the paths
of `/openai/v1`, where the deployment is the `model`. Sources: Microsoft's reference of image
generation (2026-04), and `AzureOpenAI` of openai-python 3.52.
"""

from collections.abc import Mapping
from urllib.parse import quote

from tintype_catalog.api_options import ApiOptions, MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.common import required
from tintype_gateway.dialects.openai.azure_errors import in_openais_terms
from tintype_gateway.dialects.openai.errors import error_in, fault_of
from tintype_gateway.dialects.openai.options import OPENAI
from tintype_gateway.dialects.openai.requests import Server, request_to
from tintype_gateway.dialects.openai.responses import (
    FIRST_IMAGE,
    NEXT_IMAGE,
    EventReader,
    interpret,
)
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

__all__ = [
    "FIRST_IMAGE",
    "NEXT_IMAGE",
    "OPERATIONS",
    "EventReader",
    "event_reader",
    "interpret",
    "mask_convention",
    "read_error",
    "streams",
    "translate",
]

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for this number of the job's images, as a stream if it is one."""
    binding = route.binding
    if binding.endpoint is None:
        raise UpstreamFault("misconfigured", "the binding has no endpoint")
    server = Server(
        base=binding.endpoint.rstrip("/"),
        path=_path(binding),
        authorization=_authorization(credentials),
        options=_options(binding),
        is_image_listed=True,
    )
    return request_to(server, job, binding, images)


def _path(binding: Binding) -> str:
    if _has_deployment_path(binding.api_version):
        return f"/openai/deployments/{quote(binding.upstream_model, safe='')}"
    return "/openai/v1"


def _has_deployment_path(version: str | None) -> bool:
    """Return whether an `apiVersion` is one of the API with a path for each deployment."""
    return version is not None and version[0].isdigit()


def _options(binding: Binding) -> ApiOptions:
    if binding.api_version is None:
        return OPENAI
    return OPENAI.model_copy(update={"query": {"api-version": binding.api_version}})


def _authorization(credentials: Mapping[str, str]) -> dict[str, str]:
    """Return the header with the token of Entra ID, or else with the key of the resource."""
    if token := credentials.get("access-token"):
        return {"Authorization": f"Bearer {token}"}
    return {"api-key": required(credentials, "api-key")}


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return what a status other than 200 means."""
    return fault_of(in_openais_terms(error_in(response.body)), response)


def event_reader() -> EventReader:
    """Return a reader for the events of one call."""
    return EventReader(in_openais_terms)


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: transparent pixels change."""
    return "alpha"


def streams(binding: Binding) -> bool:
    """Return whether the model can respond with a stream: all that Azure has can."""
    return True
