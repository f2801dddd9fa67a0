"""The API server's own counts of requests, by client and kind."""

import re
from collections import Counter
from typing import NamedTuple

from tintype_testing.cluster.control_plane import ControlPlane

_SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>.*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Requests(NamedTuple):
    """A kind of requests."""

    verb: str
    """The verb in the API server's terms: `APPLY` is a server-side apply."""

    resource: str
    """The plural, with the subresource if there is one: `imagemodels/status`."""


def requests_so_far(cluster: ControlPlane) -> Counter[Requests]:
    """Return the number of requests of each kind since the API server started. A watch is counted
    when it ends."""
    counted: Counter[Requests] = Counter()
    for sample in _SAMPLE.finditer(cluster.kubectl("get", "--raw", "/metrics")):
        labels = dict(_LABEL.findall(sample["labels"]))
        resource = "/".join(filter(None, (labels["resource"], labels["subresource"])))
        counted[Requests(labels["verb"], resource)] += int(float(sample["value"]))
    return counted
