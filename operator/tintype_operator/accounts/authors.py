"""Who wrote an object: what the audit log says of a change that came by a resource."""

from tintype_accounts.documents import Author
from tintype_kubernetes.client import KubernetesObject

WRITER = "lastWriter"
"""The field of a trimmed object's metadata with the field manager of its specification."""


def last_writer(found: KubernetesObject) -> str:
    """Return the field manager that changed the specification last; empty if it is not known.

    Kubernetes records for each manager the fields that it set and the time; the status has entries
    of its own. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    if WRITER in found["metadata"]:
        return str(found["metadata"][WRITER])
    return str(_last_entry(found).get("manager", ""))


def last_change_at(found: KubernetesObject) -> str:
    """Return when the specification was changed last, as far as Kubernetes knows."""
    metadata = found["metadata"]
    created = metadata.get("creationTimestamp", "")
    return str(_last_entry(found).get("time") or created)


def author_of(found: KubernetesObject) -> Author:
    """Return the author of what an object causes."""
    return Author(kind="resource", name=author_name(found), details=author_details(found))


def author_name(found: KubernetesObject) -> str:
    """Return the kind, the namespace and the name of an object."""
    return f"{found['kind']} {found['metadata']['namespace']}/{found['metadata']['name']}"


def author_details(found: KubernetesObject) -> dict[str, str]:
    """Return what identifies a version of an object, and who wrote it."""
    metadata = found["metadata"]
    return {
        "uid": metadata["uid"],
        "generation": str(metadata.get("generation", 0)),
        "fieldManager": last_writer(found),
    }


def _last_entry(found: KubernetesObject) -> KubernetesObject:
    """Return the newest entry of `managedFields` that has fields of the specification."""
    entries = [
        entry
        for entry in found["metadata"].get("managedFields") or []
        if not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})
    ]
    return max(entries, key=lambda entry: str(entry.get("time", "")), default={})
