"""The requirements of bindings for their Secrets. Names of keys only, no values.

The author of a binding chooses its endpoint. A binding therefore gets a Secret only if the Secret's
owner offers it with a label, and, for an endpoint other than the provider's, lists its host.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from tintype_catalog import extra_headers
from tintype_catalog.allowed_hosts import allows, entry_for
from tintype_catalog.catalog import Catalog
from tintype_catalog.connection import CERTIFICATE_KEYS, MAX_CA_BYTES
from tintype_catalog.extra_headers import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    header_problems,
    is_header_name,
)
from tintype_catalog.problems import Problem, Reason
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.providers import (
    API_KEY,
    AWS_BEARER,
    AWS_KEYS,
    SERVICE_ACCOUNT,
    SERVICES,
    own_host,
    own_hosts,
)
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

    others: Collection[str] = ()
    """The keys that no gateway reads, as they have no value, a large one, or a name without a
    meaning."""


Secrets = Mapping[str, Offer]
"""The offered Secrets by name."""

CREDENTIAL_KEYS = API_KEY | AWS_KEYS | AWS_BEARER | {"aws-session-token"} | SERVICE_ACCOUNT
"""All keys that a gateway may read."""

ConfigMaps = Mapping[str, Collection[str]]
"""The keys with a value of each ConfigMap, by its name."""


class References(NamedTuple):
    """The objects that bindings may refer to. None: they are not known, and none is missed."""

    secrets: Secrets | None = None
    config_maps: ConfigMaps | None = None


ALL_PRESENT = References()
"""No reference is missed."""

REFERENCE_REASONS: frozenset[Reason] = frozenset(
    {
        "SecretNotFound",
        "SecretKeyMissing",
        "HeaderNotAllowed",
        "EndpointNotAllowed",
        "ConfigMapNotFound",
        "ConfigMapKeyMissing",
    }
)
"""The reasons why a Secret or a ConfigMap keeps a binding out of the catalog."""

MAX_SECRET_NAME = 220
"""Characters: with its key, the name becomes a file's name and a Secret's key of at most 253."""


def file_name(secret: str, key: str) -> str:
    """Return the name of the file in a gateway's credentials folder."""
    return f"{secret}.{key}"


def split_file_name(name: str) -> tuple[str, str] | None:
    """Return the Secret and the key of a file's name, None for a file of another kind.

    Both may have dots: `vertex.service-account.json` is of the Secret `vertex`.
    """
    for key in CREDENTIAL_KEYS:
        if name.endswith(f".{key}") and (secret := name.removesuffix(f".{key}")):
            return secret, key
    return None


class _Need(NamedTuple):
    """A Secret that a binding names, and what it must have."""

    field: str
    name: str
    keys: tuple[frozenset[str], ...]
    """The alternative sets of keys."""

    is_shown: bool = True
    """Whether a server gets what is in the Secret, or learns who has it."""

    has_headers: bool = False
    """Whether each key of the Secret is a header."""

    @property
    def longest_name(self) -> int:
        """How many characters the name of the Secret may have."""
        return extra_headers.MAX_SECRET_NAME if self.has_headers else MAX_SECRET_NAME


def references(binding: ProviderBinding) -> list[str]:
    """Return the Secrets and ConfigMaps that a binding names, such as `Secret/openai`."""
    names = {f"Secret/{need.name}": None for need in _needs(binding.spec)}
    bundle = binding.spec.ca_bundle
    if bundle is not None and bundle.config_map_ref is not None:
        names[f"ConfigMap/{bundle.config_map_ref.name}"] = None
    return list(names)


def secret_problems(binding: ProviderBinding, secrets: Secrets) -> Iterator[Problem]:
    """Yield the problems with the Secrets that a binding names."""
    for need in _needs(binding.spec):
        yield from _problems_with(need, binding, secrets)


def config_map_problems(binding: ProviderBinding, config_maps: ConfigMaps) -> Iterator[Problem]:
    """Yield the problems with the ConfigMap that a binding names."""
    bundle = binding.spec.ca_bundle
    if bundle is None or bundle.config_map_ref is None:
        return
    name, field = bundle.config_map_ref.name, "spec.caBundle.configMapRef.name"
    if name not in config_maps:
        message = f"there is no ConfigMap/{name}; it must have the key `{bundle.key}`"
        yield _problem(binding, message, "ConfigMapNotFound", field)
    elif bundle.key not in config_maps[name]:
        message = (
            f"ConfigMap/{name} must have the key `{bundle.key}`, of at most {MAX_CA_BYTES} bytes"
        )
        yield _problem(binding, message, "ConfigMapKeyMissing", field)


def _problems_with(need: _Need, binding: ProviderBinding, secrets: Secrets) -> Iterator[Problem]:
    if len(need.name) > need.longest_name:
        message = f"is longer than {need.longest_name} characters"
        yield _problem(binding, message, "SecretNotFound", need.field)
    elif need.name not in secrets:
        message = (
            f"there is no Secret/{need.name} with the label {OPT_IN_LABEL}=true, "
            f"by which its owner offers it; it must have {_in_words(need)}"
        )
        yield _problem(binding, message, "SecretNotFound", need.field)
    elif faults := [*_faults_of_keys(need, binding.spec, secrets[need.name])]:
        for reason, why in faults:
            yield _problem(binding, f"Secret/{need.name} {why}", reason, need.field)
    elif need.is_shown:
        for field, url in _forbidden(need, binding.spec, secrets[need.name]):
            message = (
                f"Secret/{need.name} does not allow this host: "
                f"its owner must list {entry_for(url)} in the annotation {ALLOWED_HOSTS}"
            )
            yield _problem(binding, message, "EndpointNotAllowed", field)


def _faults_of_keys(
    need: _Need, spec: ProviderBindingSpec, offer: Offer
) -> Iterator[tuple[Reason, str]]:
    """Yield what is wrong with the keys of a Secret, and the reason."""
    if not need.has_headers:
        if not any(keys <= set(offer.keys) for keys in need.keys):
            yield "SecretKeyMissing", f"must have {_in_words(need)}"
        return
    if not offer.keys and not offer.others:
        yield "SecretKeyMissing", f"must have {_in_words(need)}"
    messages = [*header_problems(spec, {*offer.keys, *offer.others})]
    messages += [
        f"its key `{key}` must have a value of 1 to {MAX_HEADER_BYTES} bytes"
        for key in sorted(filter(is_header_name, offer.others))
    ]
    if messages:
        told = "; ".join(messages[:MAX_HEADERS])
        yield "HeaderNotAllowed", f"cannot be the headers of this binding: {told}"


def may_be_sent(binding: ProviderBindingSpec, secrets: Secrets) -> bool:
    """Return whether the Secrets of a binding may be sent to its endpoint and its proxy.

    A Secret that is not offered is allowed for the provider's own endpoint: no gateway can read it.
    """
    return all(_may_be_sent(need, binding, secrets) for need in _needs(binding))


def misused_secrets(catalog: Catalog, secrets: Secrets) -> frozenset[str]:
    """Return the offered Secrets that a catalog would send to a host they do not allow."""
    return frozenset(
        need.name
        for binding in catalog.bindings
        for need in _needs(binding)
        if need.name in secrets and not _may_be_sent(need, binding, secrets)
    )


def _needs(spec: ProviderBindingSpec) -> Iterator[_Need]:
    if (reference := spec.credentials.secret_ref) is not None:
        keys = SERVICES[spec.dialect].credentials
        yield _Need("spec.credentials.secretRef.name", reference.name, keys)
    if spec.client_certificate is not None:
        name = spec.client_certificate.secret_ref.name
        keys = (frozenset(CERTIFICATE_KEYS),)
        yield _Need("spec.clientCertificate.secretRef.name", name, keys)
    if spec.api is not None and (reference := spec.api.headers_secret_ref) is not None:
        field = "spec.api.headersSecretRef.name"
        yield _Need(field, reference.name, (), has_headers=True)
    if spec.ca_bundle is not None and (reference := spec.ca_bundle.secret_ref) is not None:
        keys = (frozenset({spec.ca_bundle.key}),)
        yield _Need("spec.caBundle.secretRef.name", reference.name, keys, is_shown=False)


def _may_be_sent(need: _Need, binding: ProviderBindingSpec, secrets: Secrets) -> bool:
    if not need.is_shown:
        return True
    offer = secrets.get(need.name)
    if offer is None:
        return not any(True for _ in _destinations(binding))
    return not any(True for _ in _forbidden(need, binding, offer))


def _forbidden(
    need: _Need, binding: ProviderBindingSpec, offer: Offer
) -> Iterator[tuple[str, str]]:
    """Yield the destinations that the owner of a Secret does not allow.

    The keys of credentials say for which provider they are. Headers do not, so that their owner
    must list the provider's own host as well.
    """
    if offer.hosts is None:
        return
    service, destinations = SERVICES[binding.dialect], [*_destinations(binding)]
    entries: Collection[str] = (*own_hosts(service, binding.regions), *offer.hosts)
    if need.has_headers:
        entries = offer.hosts
        if binding.endpoint is None and (host := own_host(service)) is not None:
            destinations.append((need.field, f"https://{host}"))
    for field, url in destinations:
        if not allows(entries, url):
            yield field, url


def _destinations(binding: ProviderBindingSpec) -> Iterator[tuple[str, str]]:
    """Yield the fields that name a host, and their URLs.

    A proxy is one of them: with a `caBundle` of the binding's author it can read all requests.
    """
    if binding.endpoint is not None:
        field = "spec.endpoint" if binding.service_ref is None else "spec.serviceRef"
        yield field, binding.endpoint
    if binding.proxy is not None:
        yield "spec.proxy", binding.proxy


def _in_words(need: _Need) -> str:
    if need.has_headers:
        return "a key for each header"
    return ", or ".join(
        f"the key{'s'[: len(keys) - 1]} " + " and ".join(f"`{key}`" for key in sorted(keys))
        for keys in need.keys
    )


def _problem(
    binding: ProviderBinding,
    message: str,
    reason: Reason,
    field: str,
) -> Problem:
    return Problem(
        kind=binding.kind,
        name=binding.metadata.name,
        field=field,
        message=message,
        reason=reason,
        condition="ResolvedRefs",
    )
