"""The guard against revoking most keys, or releasing most accounts, by mistake.

A deletion that a watch reported is what somebody did. Of what is only missing in a list the cause
may also be an error in the operator, or an API server that was restored from an old copy.
"""

import hashlib
from collections.abc import Collection
from typing import Final

SMALL: Final = 10
"""With at most this many, all may vanish at once, as in a first trial."""

ACCEPT_LOSS: Final = "tintype.dev/accept-account-loss"
"""The annotation of the catalog's ConfigMap by which a person accepts a loss."""


def is_loss(vanished: int, owned: int) -> bool:
    """Return whether so much is missing that a person should look.

    Args:
        vanished: How many keys and accounts the operator owns, whose objects a list lacks.
        owned: How many it owns in all.
    """
    return owned > SMALL and 2 * vanished > owned


def acceptance(ids: Collection[str]) -> str:
    """Return the word by which a person accepts exactly this loss."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:12]


def accept_command(configmap: str, namespace: str, word: str) -> str:
    """Return the command that accepts a loss."""
    return (
        f"kubectl annotate --overwrite configmap {configmap} --namespace {namespace} "
        f"{ACCEPT_LOSS}={word}"
    )
