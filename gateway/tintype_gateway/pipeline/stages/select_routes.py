"""Which of the ways can serve this very request, should the first one fail?"""

from collections.abc import Callable, Sequence

from tintype_catalog.catalog import Binding
from tintype_gateway.values import Job, Way


def choose(
    ways: Sequence[Way], job: Job, streams: Callable[[Binding], bool], most: int
) -> tuple[Way, ...]:
    """Return the first way and those that can stand in for it, at most so many.

    `streams` tells whether a binding's provider streams by itself. Provider parameters are words
    of one dialect, which another would not understand, or take for something else.
    """
    spoken = ways[0].route.binding.dialect

    def can_serve(way: Way) -> bool:
        binding = way.route.binding
        understood = not job.extras or binding.dialect == spoken
        return understood and (not job.streamed or streams(binding))

    return tuple(filter(can_serve, ways))[:most]
