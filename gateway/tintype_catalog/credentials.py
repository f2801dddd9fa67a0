"""The requirements of bindings for their Secrets. Names of keys only, no values.

The author of a binding chooses its endpoint. A binding therefore gets a Secret only if the Secret's
owner offers it with a label, and, for an endpoint other than the provider's, lists its host.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from tintype_catalog.allowed_hosts import allows, entry_for
from tintype_catalog.catalog import Catalog
from tintype_catalog.problems import Problem, Reason
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.providers import API_KEY, AWS_BEARER, AWS_KEYS, SERVICES
from tintype_catalog.resources import ProviderBinding

OPT_IN_LABEL = "tintype.dev/provider-credentials"
"""The label with the value `true` by which the owner of a Secret offers it to bindings."""

ALLOWED_HOSTS = "tintype.dev/allowed-hosts"
"""The annotation by which the owner allows further hosts for the credentials."""


class Offer(NamedTuple):
    """A Secret that its owner offers to bindings."""

    keys: Collection[str]
    """The keys with a value."""

    hosts: Collection[str] | None = ()
    """The allowed hosts besides the provider's, as entries of `allowed_hosts.py`. None: any
    host."""


Secrets = Mapping[str, Offer]
"""The offered Secrets by name."""

CREDENTIAL_KEYS = API_KEY | AWS_KEYS | AWS_BEARER | {"aws-session-token"}
"""All keys that a gateway may read."""

SECRET_REASONS: frozenset[Reason] = frozenset(
    {"SecretNotFound", "SecretKeyMissing", "EndpointNotAllowed"}
)
"""The reason why a Secret keeps a binding out of the catalog."""

MAX_SECRET_NAME = 220
"""Characters: with its key, the name becomes a file's name and a Secret's key of at most 253."""


def file_name(secret: str, key: str) -> str:
    """Return the name of the file in a gateway's credentials folder."""
    return f"{secret}.{key}"


def secret_problems(binding: ProviderBinding, secrets: Secrets) -> Iterator[Problem]:
    """Yield the problems with the binding's Secret, if it names one."""
    if (reference := binding.spec.credentials.secret_ref) is None:
        return
    needed = SERVICES[binding.spec.dialect].credentials
    if len(reference.name) > MAX_SECRET_NAME:
        yield _problem(binding, f"is longer than {MAX_SECRET_NAME} characters", "SecretNotFound")
    elif reference.name not in secrets:
        message = (
            f"there is no Secret/{reference.name} with the label {OPT_IN_LABEL}=true, "
            f"by which its owner offers it; it must have {_in_words(needed)}"
        )
        yield _problem(binding, message, "SecretNotFound")
    elif not any(keys <= set(secrets[reference.name].keys) for keys in needed):
        message = f"Secret/{reference.name} must have {_in_words(needed)}"
        yield _problem(binding, message, "SecretKeyMissing")
    elif not may_be_sent(binding.spec, secrets):
        entry = entry_for(binding.spec.endpoint or "")
        message = (
            f"Secret/{reference.name} does not allow this host: "
            f"its owner must list {entry} in the annotation {ALLOWED_HOSTS}"
        )
        yield _problem(binding, message, "EndpointNotAllowed", "spec.endpoint")


def may_be_sent(binding: ProviderBindingSpec, secrets: Secrets) -> bool:
    """Return whether the Secret of a binding may be sent to its endpoint.

    A Secret that is not offered is allowed for the provider's own endpoint: no gateway can read it.
    """
    reference, endpoint = binding.credentials.secret_ref, binding.endpoint
    if reference is None or endpoint is None:
        return True
    offer = secrets.get(reference.name)
    if offer is None:
        return False
    return offer.hosts is None or allows((*_own_hosts(binding), *offer.hosts), endpoint)


def misused_secrets(catalog: Catalog, secrets: Secrets) -> frozenset[str]:
    """Return the offered Secrets that a catalog would send to a host they do not allow."""
    bindings = (binding for binding in catalog.bindings if not may_be_sent(binding, secrets))
    references = (binding.credentials.secret_ref for binding in bindings)
    return frozenset(reference.name for reference in references if reference) & secrets.keys()


def _own_hosts(binding: ProviderBindingSpec) -> Iterator[str]:
    host = SERVICES[binding.dialect].host
    return (host.format(region=region) for region in binding.regions or ("",))


def _in_words(alternatives: tuple[frozenset[str], ...]) -> str:
    return ", or ".join(
        f"the key{'s'[: len(keys) - 1]} " + " and ".join(f"`{key}`" for key in sorted(keys))
        for keys in alternatives
    )


def _problem(
    binding: ProviderBinding,
    message: str,
    reason: Reason,
    field: str = "spec.credentials.secretRef.name",
) -> Problem:
    return Problem(
        kind=binding.kind,
        name=binding.metadata.name,
        field=field,
        message=message,
        reason=reason,
        condition="ResolvedRefs",
    )
