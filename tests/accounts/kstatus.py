"""How kstatus reads the status of an object, and so Flux and `kpt live status`.

From the rules of https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus, in their
order: deletion, observed generation, `Reconciling` and `Stalled`, `Ready`.
"""

from typing import Any


def kstatus(found: dict[str, Any]) -> str:
    """Return `Terminating`, `InProgress`, `Failed` or `Current`."""
    metadata, status = found["metadata"], found.get("status", {})
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    conditions = status.get("conditions", [])
    for each in conditions:
        if each["status"] == "True" and each["type"] in ("Reconciling", "Stalled"):
            return "InProgress" if each["type"] == "Reconciling" else "Failed"
    ready = next((each["status"] for each in conditions if each["type"] == "Ready"), "True")
    return "Current" if ready == "True" else "InProgress"
