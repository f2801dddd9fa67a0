"""Networks and Services of a release, and which private addresses a binding may call."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.addresses import Egress, Reach, kind_of
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import (
    PrivateNetworks,
    Service,
    read_private_networks,
    service_of,
)
from tintype_testing.builders import binding

VLLM = {"name": "vllm", "namespace": "images", "port": 8000}
LABELS = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
NETWORKS = st.sampled_from(
    [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "10.96.0.0/12",
        "192.168.1.0/24",
        "fd00::/8",
        "100.64.0.0/10",
    ]
).map(ip_network)


def policy(*entries: str, endpoints: Reach = Reach.PUBLIC) -> EgressPolicy:
    return EgressPolicy(endpoints, read_private_networks(entries))


def through(endpoint: str | None, **spec: Any) -> Any:
    return binding(endpoint=endpoint, proxy="http://proxy.example.com:3128", **spec)


def test_a_list_has_networks_and_services() -> None:
    assert read_private_networks(["10.20.0.0/16", "images/vllm", "fd00:1::/32"]) == PrivateNetworks(
        (ip_network("10.20.0.0/16"), ip_network("fd00:1::/32")),
        frozenset({Service("images", "vllm")}),
    )


@pytest.mark.parametrize(
    "entry",
    [
        *("10.1.2.3", "10.0.0.1/8", "10/8", "images", "images/", "/vllm", "images/vllm/x"),
        *("Images/vllm", "a.b/c", "images/*", "*", "images/8vllm", "10.0.0.0/33", "http://a/b"),
        *("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10"),
    ],
)
def test_any_other_entry_is_refused_by_its_name(entry: str) -> None:
    with pytest.raises(ValueError, match=entry.replace("*", r"\*")):
        read_private_networks([entry])


@given(LABELS, LABELS, st.sampled_from(["", ".", ".cluster.local", ".cluster.local."]))
def test_a_service_is_recognized_by_its_host_name(name: str, namespace: str, end: str) -> None:
    service = service_of(f"{name}.{namespace}.svc{end}")

    assert service == Service(namespace, name)
    assert read_private_networks([str(service)]).services == {service}


@pytest.mark.parametrize(
    "host", ["vllm", "vllm.images", "vllm.svc", "a.b.c.svc", "vllm.images.svc.example.com", ""]
)
def test_other_names_are_no_service(host: str) -> None:
    assert service_of(host) is None


@given(ADDRESSES, st.lists(NETWORKS, max_size=3), st.sampled_from(list(Reach)))
def test_networks_add_private_addresses_and_no_others(
    address: str, networks: list[Any], reach: Reach
) -> None:
    egress = Egress(reach, tuple(networks))
    added = egress.allows(address) and not Egress(reach).allows(address)

    assert not added or kind_of(address) is Reach.PRIVATE
    assert not Egress(reach).allows(address) or egress.allows(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"])
def test_every_spelling_of_an_address_is_in_its_network(address: str) -> None:
    assert Egress(Reach.PUBLIC, (ip_network("10.0.0.0/8"),)).allows(address)
    assert not Egress(Reach.PUBLIC, (ip_network("192.168.0.0/16"),)).allows(address)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "127.0.0.1", "::1"],
)
def test_no_entry_opens_metadata_services_or_this_machine(address: str) -> None:
    everything = policy("0.0.0.0/0", "::/0", "images/vllm", endpoints=Reach.NETWORK)

    for spec in ({"serviceRef": VLLM}, {"endpoint": "http://x.example", "allowPrivate": True}):
        assert not everything.to_provider(binding(**spec)).allows(address)
    assert not everything.to_proxy("http://vllm.images.svc:3128").allows(address)


def test_a_listed_service_may_have_any_private_address() -> None:
    egress = policy("images/vllm").to_provider(binding(serviceRef=VLLM))

    assert egress.allows("10.96.0.17")
    assert egress.allows("192.168.1.1")


def test_a_service_that_is_not_listed_may_only_be_in_a_listed_network() -> None:
    egress = policy("images/other", "10.96.0.0/12").to_provider(binding(serviceRef=VLLM))

    assert egress.allows("10.96.0.17")
    assert not egress.allows("10.20.0.1")


def test_an_endpoint_has_private_addresses_only_when_it_asks_for_them() -> None:
    allowed = policy("10.0.0.0/8")
    asking = binding(endpoint="https://gpu.example", allowPrivate=True)

    assert allowed.to_provider(asking).allows("10.1.2.3")
    assert not allowed.to_provider(binding(endpoint="https://gpu.example")).allows("10.1.2.3")
    assert not policy().to_provider(asking).allows("10.1.2.3")


def test_the_switch_for_all_allows_every_private_address() -> None:
    anyone = policy(endpoints=Reach.NETWORK)

    assert anyone.to_provider(binding(endpoint="https://gpu.example")).allows("10.1.2.3")
    assert anyone.refusal(binding(serviceRef=VLLM)) is None


def test_the_endpoint_of_a_service_in_the_catalog_is_its_url() -> None:
    assert binding(serviceRef=VLLM).endpoint == "http://vllm.images.svc:8000"


def test_the_namespace_of_a_service_is_by_default_that_of_the_binding() -> None:
    found = binding(serviceRef={"name": "vllm", "port": 443, "scheme": "https"})

    assert found.endpoint == "https://vllm.default.svc:443"
    assert found.service_ref is not None
    assert found.service_ref.namespace == "default"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"serviceRef": VLLM}, "its endpoint is the Service images/vllm, which gateway.allowed"),
        (
            {"endpoint": "http://10.1.2.3"},
            "its endpoint is the private address 10.1.2.3, which gateway.allowedPrivateNetworks "
            "does not include; a private address needs `allowPrivate: true`",
        ),
        (
            {"endpoint": "http://10.1.2.3", "allowPrivate": True},
            "its endpoint is the private address 10.1.2.3, which gateway.allowedPrivateNetworks "
            "does not include",
        ),
        ({"endpoint": "http://169.254.169.254", "allowPrivate": True}, "its endpoint is 169.254"),
        ({"proxy": "http://10.1.2.3:3128"}, "its proxy is the private address 10.1.2.3"),
        ({"proxy": "http://squid.egress.svc:3128"}, "its proxy is the Service egress/squid"),
    ],
)
def test_a_certain_refusal_says_what_is_missing(spec: dict[str, Any], why: str) -> None:
    assert (policy().refusal(binding(**spec)) or "").startswith(why)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"endpoint": "https://gpu.example"},
        {"endpoint": "https://10.20.0.1", "allowPrivate": True},
        {"serviceRef": VLLM},
        {"proxy": "http://10.20.0.1:3128"},
        {"proxy": "http://squid.egress.svc:3128"},
        {"proxy": "http://proxy.example.com:3128", "serviceRef": VLLM},
    ],
)
def test_what_is_listed_or_may_be_public_is_not_refused(spec: dict[str, Any]) -> None:
    allowed = policy("10.20.0.0/16", "images/vllm", "egress/squid")

    assert allowed.refusal(binding(**spec)) is None


@pytest.mark.parametrize(
    "host",
    [
        *("metadata.google.internal", "metadata", "instance-data", "169.254.169.254"),
        *("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "10.1", "metadata.google.internal."),
        *("127.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:169.254.169.254]"),
    ],
)
def test_a_proxy_is_never_asked_for_this_machine_or_a_metadata_service(host: str) -> None:
    found = through(f"https://{host}/v1", allowPrivate=True)

    assert policy("0.0.0.0/0", endpoints=Reach.NETWORK).refusal(found) is not None


@pytest.mark.parametrize(
    "host", ["gpu", "gpu.internal", "gpu.corp", "a.b.svc", "gpu.lan", "10.1.2.3"]
)
def test_a_proxy_is_asked_for_private_hosts_only_where_all_are_allowed(host: str) -> None:
    found = through(f"https://{host}", allowPrivate=True)

    assert policy("192.168.0.0/16").refusal(found) is not None
    assert policy(endpoints=Reach.NETWORK).refusal(found) is None


@pytest.mark.parametrize("endpoint", [None, "https://gpu.example.com", "https://1.1.1.1"])
def test_a_proxy_is_asked_for_public_hosts(endpoint: str | None) -> None:
    assert policy().refusal(through(endpoint)) is None


@given(ADDRESSES)
def test_a_proxy_is_asked_for_an_address_under_the_rules_of_a_direct_call(address: str) -> None:
    host = f"[{address}]" if isinstance(_parsed(address), IPv6Address) else address
    found = binding(endpoint="https://gpu.example", allowPrivate=True).model_copy(
        update={"endpoint": f"https://{host}", "proxy": "http://proxy.example.com:3128"}
    )
    allowed = policy("10.0.0.0/8", "fd00::/8")

    assert (allowed.refusal(found) is None) == allowed.to_provider(found).allows(address)


def _parsed(address: str) -> IPv4Address | IPv6Address:
    return IPv6Address(address) if ":" in address else IPv4Address(address)
