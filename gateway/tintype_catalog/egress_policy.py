"""Where a release lets its bindings call: pure rules.

Gateways enforce them, and the operator reports them in the status of a binding.

A host that the gateway connects to itself is checked by its address, when the socket is made. A
host behind a proxy is checked by its name alone, because the proxy looks up the address.
"""

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from tintype_catalog.addresses import Egress, Reach, kind_of
from tintype_catalog.private_networks import NONE, PrivateNetworks, service_of
from tintype_catalog.provider_binding import ProviderBindingSpec

ALLOWED = "gateway.allowedPrivateNetworks"
"""The value of the chart that allows private networks and Services."""

_METADATA_HOSTS = frozenset(
    {
        *{"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal"},
        *{"instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com"},
    }
)
"""Names of services that give a machine its credentials."""

_PRIVATE_DOMAINS = frozenset(
    {
        *{"arpa", "corp", "home", "internal", "intranet", "lan", "local", "localdomain"},
        *{"private", "svc"},
    }
)
"""The last labels of names that are not in the public DNS."""

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The last label of an IPv4 address, in each of the forms that programs accept."""


@dataclass(frozen=True)
class EgressPolicy:
    """Where the bindings of a release may call."""

    endpoints: Reach = Reach.PUBLIC
    """The addresses that every binding may call."""

    private: PrivateNetworks = NONE
    """The private addresses that a binding may call if it asks for them."""

    def to_provider(self, binding: ProviderBindingSpec) -> Egress:
        """Return the addresses for connections to the server of a binding."""
        if binding.endpoint is None:
            return Egress(self.endpoints | Reach.NETWORK)
        if binding.service_ref is None and not binding.allow_private:
            return Egress(self.endpoints)
        return self._to_private(_host(binding.endpoint))

    def to_proxy(self, proxy: str) -> Egress:
        """Return the addresses for connections to a proxy."""
        return self._to_private(_host(proxy))

    def to_webhook(self, url: str) -> Egress:
        """Return the addresses for connections to a receiver of webhooks, which the settings name.

        Without TLS, only private addresses: what is sent is signed, but not secret.
        """
        egress = self._to_private(_host(url))
        is_plain = urlsplit(url).scheme == "http"
        return replace(egress, reach=egress.reach & ~Reach.PUBLIC) if is_plain else egress

    def to_account_webhook(self, url: str) -> Egress:
        """Return the addresses for connections to a receiver that an account names.

        Private ones only as far as networks and Services are allowed: that bindings may call more
        is trust in their authors.
        """
        return replace(self, endpoints=self.endpoints & ~Reach.PRIVATE).to_webhook(url)

    def account_webhook_refusal(self, url: str) -> str | None:
        """Return what is wrong with the URL that an account names; None if it may be allowed.

        A name is checked only when the gateway connects.
        """
        host, egress = _host(url), self.to_account_webhook(url)
        if not egress.reach and not egress.networks:
            return "must begin with https://"
        if not _is_address(host) or egress.allows(host):
            return None
        if kind_of(host) is Reach.PUBLIC:
            return "must begin with https://, except in private networks"
        return "must not be an address of this machine or of a private network"

    def refusal(self, binding: ProviderBindingSpec) -> str | None:
        """Return why gateways refuse every call of a binding; None if they may call.

        A name that the gateway looks up itself is checked only when it connects.
        """
        if binding.proxy is not None:
            refusal = _direct_refusal(_host(binding.proxy), self.to_proxy(binding.proxy))
            if refusal is not None:
                return f"its proxy {refusal}"
            return self.proxied_refusal(binding)
        if binding.endpoint is None:
            return None
        refusal = _direct_refusal(_host(binding.endpoint), self.to_provider(binding))
        return None if refusal is None else f"its endpoint {refusal}{_hint(binding)}"

    def proxied_refusal(self, binding: ProviderBindingSpec) -> str | None:
        """Return why a proxy may not be asked for the server of a binding; None if it may."""
        if binding.endpoint is None:
            return None
        host, egress = _host(binding.endpoint), self.to_provider(binding)
        refusal = _direct_refusal(host, egress) or _name_refusal(host, egress)
        return None if refusal is None else f"its endpoint {refusal}{_hint(binding)}"

    def _to_private(self, host: str) -> Egress:
        if service_of(host) in self.private.services:
            return Egress(self.endpoints | Reach.PRIVATE)
        return Egress(self.endpoints, self.private.networks)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removesuffix(".")


def _hint(binding: ProviderBindingSpec) -> str:
    if binding.service_ref is not None or binding.allow_private:
        return ""
    return "; a private address needs `allowPrivate: true`"


def _direct_refusal(host: str, egress: Egress) -> str | None:
    """Return why no connection to a host is possible, if that is certain without a look-up."""
    service = service_of(host)
    if service is not None and Reach.PRIVATE not in egress.reach and not egress.networks:
        return f"is the Service {service}, which {ALLOWED} does not include"
    if not _is_address(host) or egress.allows(host):
        return None
    if kind_of(host) is Reach.PRIVATE:
        return f"is the private address {host}, which {ALLOWED} does not include"
    return f"is {host}, a loopback, link-local or metadata address, which no binding may call"


def _name_refusal(host: str, egress: Egress) -> str | None:
    """Return why a proxy may not be asked for a host; an address was checked before."""
    if _is_address(host):
        return None
    last = host.rpartition(".")[2]
    if host in _METADATA_HOSTS or _NUMBER.fullmatch(last):
        return f"is {host}, which no proxy may be asked for"
    if last == "localhost":
        is_allowed = Reach.LOOPBACK in egress.reach
    else:
        is_allowed = ("." in host and last not in _PRIVATE_DOMAINS) or Reach.PRIVATE in egress.reach
    return None if is_allowed else f"is {host}, a private name, which {ALLOWED} does not include"


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
