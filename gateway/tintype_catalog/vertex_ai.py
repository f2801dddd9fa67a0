"""The options of a ProviderBinding to Vertex AI."""

from typing import Annotated

from pydantic import Field

from tintype_catalog.contract import Contract

ProjectId = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$", min_length=1, max_length=63),
]
"""The id or the number of a Google Cloud project, such as `studio-123` or `example.com:studio`."""


class VertexAi(Contract):
    """The Google Cloud projects of calls to Vertex AI. The location is a region of `regions`."""

    project: ProjectId
    """The project whose models are called: a part of the path."""

    quota_project: ProjectId | None = None
    """The project that quotas and bills count for instead, sent as `x-goog-user-project`. The
    identity of the calls needs `serviceusage.services.use` in it."""
