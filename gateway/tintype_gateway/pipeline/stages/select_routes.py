"""Which candidates can serve a request if the first one fails."""

from collections.abc import Callable, Sequence

from tintype_catalog.catalog import Binding
from tintype_gateway.values import Candidate, Job


def choose(
    candidates: Sequence[Candidate], job: Job, streams: Callable[[Binding], bool], most: int
) -> tuple[Candidate, ...]:
    """Return the first candidate and those that it may fail over to, `most` of them at most.

    `streams` tells whether a binding's provider streams by itself. Provider parameters belong to
    one dialect: another would refuse or misread them.
    """
    spoken = candidates[0].route.binding.dialect

    def can_serve(candidate: Candidate) -> bool:
        binding = candidate.route.binding
        understood = not job.extras or binding.dialect == spoken
        return understood and (not job.streamed or streams(binding))

    return tuple(filter(can_serve, candidates))[:most]
