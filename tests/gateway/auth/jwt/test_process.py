"""`tintype gateway` takes its issuers from the file that is named to it."""

from pathlib import Path

import yaml

from tests.gateway.auth.jwt.support import AUDIENCE, ISSUER, claims, signing_key
from tintype_testing.gateway_process import running_process
from tintype_testing.http import http_client


async def test_the_tokens_of_a_listed_issuer_are_accepted(tmp_path: Path) -> None:
    key = signing_key()
    (tmp_path / "issuer.pem").write_bytes(key.pem())
    fields = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "publicKeyFile": "issuer.pem",
        "accountPrefix": "example:",
        "autoCreateCredits": 100,
    }
    (tmp_path / "issuers.yaml").write_text(yaml.safe_dump([fields]))

    environ = {"TINTYPE_JWT_ISSUERS": "issuers.yaml"}
    with running_process(tmp_path, "--simulate", environ=environ) as gateway:
        async with http_client(gateway.url) as http:
            good = await http.get("/v1/models", headers=bearer(key.sign(claims())))
            bad = await http.get("/v1/models", headers=bearer(key.sign(claims(aud="another"))))
        line = await gateway.access_line(good.headers["x-request-id"])

    assert (good.status_code, bad.status_code) == (200, 401)
    assert (line["account"], line["key"]) == ("example:team-a", f"jwt:{ISSUER}")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
