"""Which account the claims of a token name."""

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tintype_gateway.auth.jwt.account_claim import AccountClaim, ClaimError

SERVICE_ACCOUNT = "{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}"

TOKEN: dict[str, Any] = {
    "sub": "team-a",
    "org": "acme",
    "https://example.com/account": "studio",
    "a/b": {"~c": "escaped"},
    "a~1": "escaped twice",
    "kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "painter"}},
    "number": 7,
    "list": ["team-a"],
    "nothing": None,
    "empty": "",
    "unprintable": "team\x00a",
    "surrogate": "team\ud800",
}


@pytest.mark.parametrize(
    ("template", "account"),
    [
        ("sub", "team-a"),
        ("{sub}", "team-a"),
        ("oidc:{org}/{sub}!", "oidc:acme/team-a!"),
        ("https://example.com/account", "studio"),
        ("{https://example.com/account}", "studio"),
        ("/kubernetes.io/namespace", "prod"),
        (SERVICE_ACCOUNT, "prod/painter"),
        ("/a~1b/~0c", "escaped"),
        ("/a~01", "escaped twice"),
    ],
)
def test_claims_name_the_account(template: str, account: str) -> None:
    assert AccountClaim.parse(template).account(TOKEN) == account


@pytest.mark.parametrize(
    "template", ["", "{", "{sub", "sub}", "{}", "a{}b", "{{sub}}", "{org}{sub}"]
)
def test_another_form_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a claim"):
        AccountClaim.parse(template)


@pytest.mark.parametrize("claim", ["absent", "nothing", "/kubernetes.io/pod", "/sub/name"])
def test_a_token_without_the_claim_is_refused(claim: str) -> None:
    with pytest.raises(ClaimError, match=f"has no claim `{claim}`"):
        AccountClaim.parse(claim).account(TOKEN)


@pytest.mark.parametrize(
    "claim", ["number", "list", "kubernetes.io", "empty", "unprintable", "surrogate"]
)
def test_a_claim_that_is_no_text_is_refused(claim: str) -> None:
    with pytest.raises(ClaimError, match=f"claim `{claim}` that is not printable text"):
        AccountClaim.parse(claim).account(TOKEN)


def test_a_claim_cannot_reach_over_its_end() -> None:
    with pytest.raises(ClaimError, match="must not contain '/' in its claim `org`"):
        AccountClaim.parse("{org}/{sub}").account({"org": "acme/prod", "sub": "painter"})


names = st.text("ab-/", min_size=1, max_size=5)


@example("a-", "b", "a", "-b", "--")
@given(names, names, names, names, st.sampled_from(["/", "-", "--", "-/-", "-a-"]))
def test_different_claims_never_name_the_same_account(
    org: str, sub: str, other_org: str, other_sub: str, between: str
) -> None:
    assume((org, sub) != (other_org, other_sub))
    claim = AccountClaim.parse(f"{{org}}{between}{{sub}}")
    accounts = []
    for token in ({"org": org, "sub": sub}, {"org": other_org, "sub": other_sub}):
        try:
            accounts.append(claim.account(token))
        except ClaimError:
            return

    assert accounts[0] != accounts[1]
