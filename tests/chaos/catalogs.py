"""The sources of the gateways' catalogs in the chaos test: a folder, and an operator."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from typing_extensions import override

from tintype_catalog.bundle import read_manifest
from tintype_kubernetes.configmaps import files_of
from tintype_testing.chaos import plan
from tintype_testing.cluster.outages import InterruptibleControlPlane
from tintype_testing.fleet import Fleet
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually_blocking

GATEWAYS = 2

WATCHING = 1
"""The gateway that watches the operator's ConfigMap."""

OUTAGE_SECONDS = 4.0
"""The duration of an outage of the API server, without the seconds that its start takes."""


class MixedFleet(Fleet):
    """Gateways with one ledger and different sources of their catalogs."""

    def __init__(
        self, folder: Path, simulator: str, ledger_url: str, operator: Operator, **environ: str
    ) -> None:
        super().__init__(folder, simulator, ledger_url, GATEWAYS, **environ)
        self._published = {
            "TINTYPE_CATALOG_CONFIGMAP": CONFIGMAP,
            "TINTYPE_KUBECONFIG": str(operator.cluster.kubeconfig),
            "TINTYPE_NAMESPACE": operator.namespace,
        }

    @override
    def environ_of(self, index: int) -> dict[str, str]:
        environ = super().environ_of(index)
        if index != WATCHING:
            return environ
        others = {name: text for name, text in environ.items() if name != "TINTYPE_CATALOG_DIR"}
        return others | self._published


@dataclass
class Catalogs:
    """The folder and the cluster, both of which the test changes continuously."""

    folder: Path
    cluster: InterruptibleControlPlane
    operator: Operator
    simulator: str

    is_valid: bool = False
    """Whether a gateway can start with the folder as it is."""

    def __post_init__(self) -> None:
        self._folders = plan.folders(self.simulator)
        self._objects = plan.objects(self.simulator)

    def publish(self, statuses: str) -> None:
        """Start the operator, and wait for its first catalog."""
        self.operator.start(TINTYPE_GATEWAY_STATUS_URLS=statuses)
        self.change_objects()
        self.operator.wait_for_models("canvas")

    def change_folder(self) -> None:
        """Replace the manifests in the folder."""
        text, self.is_valid = next(self._folders)
        draft = self.folder / "sketch.draft"
        draft.write_text(text)
        draft.replace(self.folder / "sketch.yaml")

    def change_objects(self) -> None:
        """Apply the next objects to the cluster."""
        self.operator.apply(*next(self._objects))

    def pause_api_server(self) -> None:
        """Stop the API server for a while."""
        with self.cluster.without_api_server():
            time.sleep(OUTAGE_SECONDS)

    def wait_until_served(self, fleet: Fleet) -> None:
        """Wait until the watching gateway serves the newest published catalog."""
        eventually_blocking(lambda: _sequence(fleet) == self._published(), "the newest catalog")

    def _published(self) -> int:
        return read_manifest(files_of(self.operator.get("configmap", CONFIGMAP))).sequence


def _sequence(fleet: Fleet) -> int:
    with urlopen(fleet.status_url(WATCHING), timeout=30) as response:  # noqa: S310 - loopback
        return int(json.load(response)["sequence"])
