"""All hosted providers, each below a path of its own: `/hosted/vertex/v1/projects/...`."""

from tintype_simulator.dialect import Dialect, mounted
from tintype_simulator.hosted import azure, bfl, fal, replicate, vertex, xai

HOSTED: tuple[Dialect, ...] = (
    mounted("hosted", azure.DIALECT),
    mounted("hosted", vertex.DIALECT),
    mounted("hosted", bfl.DIALECT),
    mounted("hosted", fal.DIALECT),
    mounted("hosted", replicate.DIALECT),
    mounted("hosted", xai.DIALECT),
)
"""Every simulated hosted provider."""
