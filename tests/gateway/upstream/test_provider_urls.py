"""Which of the URLs that a provider names are called, and that they are called as written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.upstream.provider_urls import headers_at, listed_url
from tintype_gateway.values.upstream import UpstreamRequest

CALL = "http://proxy:8080/some/path"
HOSTS = ("api.provider.test", "*.files.test", "odd.test:8443")


@pytest.mark.parametrize(
    "named",
    [
        *("https://api.provider.test/v1/get?id=1", "https://eu.files.test/a%2Fb?sig=%2B%3D&x=~"),
        *("https://odd.test:8443/", "http://proxy:8080/other", "https://api.provider.test:443/"),
    ],
)
def test_listed_hosts_and_that_of_the_call_are_called_as_written(named: str) -> None:
    assert str(listed_url(named, CALL, HOSTS)) == named.replace(":443", "")


@pytest.mark.parametrize(
    "named",
    [
        *("http://api.provider.test/", "https://api.provider.test:8443/", "https://files.test/"),
        *("https://a.b.files.test/", "https://api.provider.test.evil.test/", "https://proxy:8080/"),
        *(
            "http://proxy/",
            "https://user@api.provider.test/",
            "https://api.provider.test@evil.test",
        ),
        *(
            "https://evil.test\\@api.provider.test/",
            "//api.provider.test/",
            "/v1/get",
            "",
            "x" * 9999,
        ),
        *(
            "https://api.provider.test/a b",
            "https://api.provider.test/\r\nX: y",
            "file:///etc/passwd",
        ),
        *("https://[]@", "https://[api.provider.test", "https://[::1]@/"),
        *("https://169.254.169.254/", "https://api.provider.test%2eevil.test/", "data:image/png,"),
    ],
)
def test_any_other_url_is_refused(named: str) -> None:
    with pytest.raises(ValueError, match="it "):
        listed_url(named, CALL, HOSTS)


def test_the_reason_has_no_path_which_may_be_a_secret() -> None:
    with pytest.raises(ValueError, match="at https://evil") as caught:
        listed_url("https://evil.test/secret?sig=secret", CALL, HOSTS)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=60) | st.text("htps:/@.[]api#?\\%2e", max_size=40))
def test_whatever_is_named_only_listed_origins_are_called(named: str) -> None:
    try:
        url = listed_url(f"https://{named}", CALL, ("a.test",))
    except ValueError:
        return
    assert (url.scheme, url.host, url.port) == ("https", "a.test", 443)


@pytest.mark.parametrize(
    ("named", "headers"),
    [
        ("http://proxy:8080/polls/1", {"X-Key": "a key", "X-Tenant": "ours"}),
        ("https://api.provider.test/polls/1", {"X-Key": "a key"}),
    ],
)
def test_further_headers_of_a_binding_go_to_the_host_of_the_call_only(
    named: str, headers: dict[str, str]
) -> None:
    sent = {"X-Key": "a key", "X-Tenant": "ours", "Content-Type": "application/json"}
    request = UpstreamRequest(CALL, sent, b"{}", own_host_headers=frozenset({"x-tenant"}))

    assert headers_at(listed_url(named, CALL, HOSTS), request) == headers
