"""Which calls make the pictures, in the provider's own words?"""

from collections.abc import Iterator, Mapping

from tintype_gateway.dialects import Dialect
from tintype_gateway.values import Job, Route, UpstreamRequest


def translate(
    job: Job,
    route: Route,
    images_per_call: int,
    credentials: Mapping[str, str],
    dialect: Dialect,
) -> Iterator[tuple[int, int, UpstreamRequest]]:
    """Yield each call, behind the index of its first picture and the number of its pictures."""
    for first in range(0, job.images, images_per_call):
        images = min(images_per_call, job.images - first)
        yield first, images, dialect.translate(job, route, images, credentials)
