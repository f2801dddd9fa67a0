"""Accounts, keys and grants by the real chart: the operator's projected token is reviewed by the
gateways, and deletions reach all of them."""

import base64
import json
from typing import Any
from urllib.request import Request, urlopen

import openai

from tests.node.figures import Figures
from tests.node.release import PROMPT, Release
from tintype_testing.account_manifests import account, api_key, credit_grant
from tintype_testing.waiting import eventually_blocking


def key_in(release: Release, name: str) -> str:
    """The key in the Secret of an ApiKey, which also has the address of the gateways."""
    data = release.get("secret", name)["data"]
    url = base64.b64decode(data["OPENAI_BASE_URL"]).decode()
    assert url == f"http://tintype.{release.namespace}.svc:8080/v1"
    return base64.b64decode(data["OPENAI_API_KEY"]).decode()


def client(release: Release, key: str) -> openai.OpenAI:
    """OpenAI's SDK on this machine, which knows the addresses of Services but not their names."""
    url = f"http://{release.address('tintype')}:8080/v1"
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0)


def is_refused(release: Release, key: str) -> bool:
    """Whether the gateway of a new connection refuses the key."""
    with client(release, key) as sdk:
        try:
            sdk.models.list()
        except openai.AuthenticationError:
            return True
    return False


def audit(release: Release, name: str) -> list[dict[str, Any]]:
    """The changes of an account, read with a token as the operator has one."""
    token = release.kubectl("create", "token", "tintype-operator", "--audience=tintype-admin")
    address = release.address("tintype-gateway-admin")
    request = Request(
        f"http://{address}:9090/admin/v1/audit?account={name}",
        headers={"Authorization": f"Bearer {token.strip()}"},
    )
    with urlopen(request, timeout=30) as response:  # noqa: S310 - an address of the cluster
        return list(json.load(response)["data"])


def test_a_key_from_git_returns_an_image_and_ends_with_its_object(
    production: Release, figures: Figures
) -> None:
    with figures.timed("account, grant and key applied to all Ready"):
        production.apply(api_key("git"), credit_grant("git"), account("team"))
        production.wait_until_ready("apikey/git", "creditgrant/git", "account/team")
    key = key_in(production, "git")
    with client(production, key) as sdk:
        image = sdk.images.generate(model="gpt-image-1", prompt=PROMPT)
    assert image.data

    production.kubectl("delete", "apikey/git", "--wait=false")
    with figures.timed("ApiKey deleted to its key refused"):
        eventually_blocking(lambda: is_refused(production, key), "a refused key")

    changes = audit(production, "team")
    assert {"key", "grant", "account"} <= {each["kind"] for each in changes}
    authors = {each["author"]["details"].get("by") for each in changes}
    assert f"{production.namespace}/tintype-operator" in authors


def test_a_key_that_was_deleted_without_an_operator_ends_with_the_next_one(
    production: Release,
) -> None:
    production.apply(account("team"), api_key("away"))
    production.wait_until_ready("apikey/away")
    key = key_in(production, "away")
    old = production.uids("operator")
    production.kubectl("scale", "deploy/tintype-operator", "--replicas=0")
    production.wait_until_gone(old)
    production.kubectl("delete", "apikey/away")
    assert not is_refused(production, key)

    production.kubectl("scale", "deploy/tintype-operator", "--replicas=2")

    eventually_blocking(lambda: is_refused(production, key), "a refused key")
    production.wait_until_available()
