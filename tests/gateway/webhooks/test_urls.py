"""Which URLs an account may name, before a name is looked up."""

import pytest

from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import read_private_networks
from tintype_gateway.webhooks.urls import check_url

PUBLIC = EgressPolicy(Reach.PUBLIC | Reach.PRIVATE)
"""A release whose bindings may call private addresses: accounts may not."""

ALLOWED = EgressPolicy(Reach.PUBLIC, read_private_networks(("10.20.0.0/16", "hooks/receiver")))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "https://",
        "https://user@hooks.example.com/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:port/",
        "https://hooks.example.com/\n",
        "https://hooks.example.com/é",
        "https://hooks.example.com/" + "a" * 2048,
        "https://[::1/",
    ],
)
def test_what_is_no_url_of_a_receiver_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        check_url(url)

    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    ("policy", "url"),
    [
        (PUBLIC, "https://hooks.example.com/tintype?key=1"),
        (PUBLIC, "https://8.8.8.8/"),
        (ALLOWED, "https://10.20.1.2/"),
        (ALLOWED, "http://10.20.1.2:8080/hook"),
        (ALLOWED, "http://receiver.hooks.svc/hook"),
        (ALLOWED, "http://receiver.example.com/"),  # refused when its address is known
    ],
)
def test_a_receiver_may_be_public_or_in_an_allowed_network(policy: EgressPolicy, url: str) -> None:
    check_url(url)

    assert policy.account_webhook_refusal(url) is None


@pytest.mark.parametrize(
    ("policy", "url", "said"),
    [
        (PUBLIC, "http://hooks.example.com/", "https://"),
        (PUBLIC, "http://8.8.8.8/", "https://"),
        (ALLOWED, "http://8.8.8.8/", "except in private networks"),
        (PUBLIC, "https://10.20.1.2/", "private network"),
        (ALLOWED, "https://10.21.1.2/", "private network"),
        (ALLOWED, "https://127.0.0.1/", "this machine"),
        (ALLOWED, "https://169.254.169.254/", "this machine"),
        (ALLOWED, "https://[::ffff:127.0.0.1]/", "this machine"),
    ],
)
def test_other_addresses_are_refused_at_once(policy: EgressPolicy, url: str, said: str) -> None:
    check_url(url)

    assert said in str(policy.account_webhook_refusal(url))
