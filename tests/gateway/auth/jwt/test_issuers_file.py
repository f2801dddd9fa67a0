"""What the file of issuers may say."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.gateway.auth.jwt.issuers import GOOD, written
from tests.gateway.auth.jwt.support import signing_key
from tests.pages.blocks import claim
from tintype_gateway.auth.jwt.issuers import Issuer, read_issuers
from tintype_testing.cluster.pki import create_pki

DOCUMENT = Path(__file__).parents[4] / "docs" / "accounts.md"
JWTS = re.split(r"^## ", DOCUMENT.read_text().partition("## JWTs")[2], flags=re.MULTILINE)[0]


(ISSUERS,) = claim(__name__, "docs/accounts.md", "yaml", having="issuer:")


def test_the_file_of_the_page_names_the_service_accounts_of_a_cluster(tmp_path: Path) -> None:
    pki = create_pki(tmp_path / "pki")
    (tmp_path / "token").write_text("secret")
    fields = yaml.safe_load(ISSUERS.code)[0]
    files = {"caFile": str(pki.certificate("ca")), "bearerTokenFile": str(tmp_path / "token")}

    (issuer,) = read_issuers(written(tmp_path, [fields | files]))

    assert fields.keys() > files.keys()
    assert issuer.account_prefix == "k8s:"
    assert issuer.auto_create_namespaces == ("prod", "staging")


def test_every_field_is_read(tmp_path: Path) -> None:
    pki = create_pki(tmp_path / "pki")
    (tmp_path / "token").write_text("secret")
    fields = GOOD | {
        "algorithms": ["RS256", "ES256"],
        "caFile": str(pki.certificate("ca")),
        "bearerTokenFile": str(tmp_path / "token"),
        "accountClaim": "{/kubernetes.io/namespace}",
        "accounts": ["example:team-a"],
        "autoCreateCredits": "2.5",
        "autoCreateNamespaces": ["prod"],
        "autoCreateMaxAccounts": 7,
        "clockSkewSeconds": 60,
    }

    (issuer,) = read_issuers(written(tmp_path, [fields]))

    assert issuer.issuer == "https://issuer.example"
    assert issuer.audiences == ("tintype",)
    assert issuer.algorithms == ("RS256", "ES256")
    assert issuer.jwks_url == "https://issuer.example/keys"
    assert issuer.ca_file == pki.certificate("ca")
    assert issuer.bearer_token_file == tmp_path / "token"
    assert issuer.account_claim is not None
    assert issuer.account_claim.claims == ("/kubernetes.io/namespace",)
    assert issuer.account_prefix == "example:"
    assert issuer.accounts == ("example:team-a",)
    assert issuer.auto_create_credits == Decimal("2.5")
    assert issuer.auto_create_namespaces == ("prod",)
    assert issuer.auto_create_max_accounts == 7
    assert issuer.clock_skew_seconds == 60


def test_defaults_are_restrictive(tmp_path: Path) -> None:
    (issuer,) = read_issuers(written(tmp_path, [GOOD]))

    assert issuer.account_claim is None
    assert issuer.accounts is None
    assert issuer.auto_create_credits is None
    assert issuer.auto_create_namespaces == ()
    assert issuer.auto_create_max_accounts == 100
    assert issuer.clock_skew_seconds == 30


@pytest.mark.parametrize(("credits", "micro"), [(100, 100_000_000), (0, 0), (0.1, 100_000)])
def test_first_credits_are_exact(tmp_path: Path, credits: object, micro: int) -> None:
    (issuer,) = read_issuers(written(tmp_path, [GOOD | {"autoCreateCredits": credits}]))

    assert issuer.auto_create_micro({}) == micro


def test_several_issuers_stand_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(signing_key().pem())
    other = {name: value for name, value in GOOD.items() if name != "jwksUrl"}
    other |= {"issuer": "other", "publicKeyFile": str(tmp_path / "key.pem")}

    issuers = read_issuers(written(tmp_path, [GOOD, other]))

    assert [issuer.issuer for issuer in issuers] == ["https://issuer.example", "other"]
    assert [issuer.public_key is None for issuer in issuers] == [True, False]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/keys", "http://localhost/keys", "http://[::1]/keys"]
)
def test_keys_may_come_unencrypted_from_this_host_only(tmp_path: Path, url: str) -> None:
    (issuer,) = read_issuers(written(tmp_path, [GOOD | {"jwksUrl": url}]))

    assert issuer.jwks_url == url


def test_every_field_is_documented() -> None:
    fields = {field.alias for field in Issuer.model_fields.values()}

    assert fields == set(re.findall(r"^\| `(\w+)` \|", JWTS, re.MULTILINE))


def test_the_documented_issuer_is_valid(tmp_path: Path) -> None:
    pki = create_pki(tmp_path / "pki")
    (example,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", JWTS, re.DOTALL)[0])
    files = {"caFile": str(pki.certificate("ca")), "bearerTokenFile": str(pki.key("ca"))}
    assert files.keys() < example.keys()

    (issuer,) = read_issuers(written(tmp_path, [example | files]))

    claims = {"kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "painter"}}}
    assert issuer.account(claims) == "k8s:prod"
    assert issuer.auto_create_micro(claims) == 100_000_000
