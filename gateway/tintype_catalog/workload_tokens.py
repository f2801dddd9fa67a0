"""Where the access token of the gateway's own workload may be sent.

Anyone who may write a binding chooses its endpoint, and no owner of a Secret says which hosts are
allowed. A token of Azure or Google, which any recipient could use, is therefore sent to the
provider's own hosts only. (AWS needs no such rule: a signature holds for one host and one call.)
"""

from collections.abc import Iterator

from tintype_catalog.allowed_hosts import allows
from tintype_catalog.problems import Problem
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.providers import SERVICES, own_hosts
from tintype_catalog.resources import ProviderBinding


def is_at_own_host(binding: ProviderBindingSpec) -> bool:
    """Return whether a binding calls the provider's own host, by https."""
    if binding.endpoint is None:
        return True
    return allows(own_hosts(SERVICES[binding.dialect], binding.regions), binding.endpoint)


def token_refusal(binding: ProviderBindingSpec) -> tuple[str, str] | None:
    """Return the field of a binding that keeps the workload's access token from it, and why.

    None if the token may be sent, and for a service that takes none.
    """
    service = SERVICES[binding.dialect]
    if service.token_scope is None:
        return None
    if not is_at_own_host(binding):
        hosts = ", ".join(own_hosts(service, binding.regions))
        field = "spec.endpoint" if binding.service_ref is None else "spec.serviceRef"
        return field, f"a token of the workload is sent by https to {hosts} only"
    if binding.proxy is not None and binding.ca_bundle is not None:
        return "spec.proxy", (
            "with a `caBundle` a proxy could read the token of the workload: leave one of them out"
        )
    return None


def token_problems(binding: ProviderBinding) -> Iterator[Problem]:
    """Yield the problem of a binding that would send the workload's access token elsewhere."""
    refusal = token_refusal(binding.spec)
    if binding.spec.credentials.workload_identity and refusal is not None:
        field, message = refusal
        yield Problem(
            kind=binding.kind,
            name=binding.metadata.name,
            field=field,
            message=message,
            reason="EndpointNotAllowed",
            condition="ResolvedRefs",
        )
