"""What is said of the faults in a file of issuers."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.auth.jwt.issuers import GOOD, written
from tests.gateway.auth.jwt.support import signing_key
from tintype_cli.gateway import main
from tintype_gateway.auth.jwt.issuers import read_issuers


def fault(folder: Path, document: object) -> str:
    """Return what is said of the file after its name: always one line."""
    path = written(folder, document)
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as caught:
        read_issuers(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path)).removeprefix(": ").strip()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": ""}, "0.issuer: String should have at least 1 character"),
        ({"issuer": 7}, "0.issuer: Input should be a valid string"),
        ({"audiences": []}, "0.audiences: Tuple should have at least 1 item"),
        ({"audiences": "tintype"}, "0.audiences: Input should be a valid array"),
        ({"algorithms": []}, "0.algorithms: Tuple should have at least 1 item"),
        ({"algorithms": ["none"]}, "0.algorithms.0: Input should be 'RS256', "),
        ({"algorithms": ["ES256", "HS256"]}, "0.algorithms.1: Input should be 'RS256', "),
        ({"jwksUrl": "http://issuer.example"}, "0.jwksUrl: must begin with https://"),
        ({"jwksUrl": "http://127.0.0.1.example"}, "0.jwksUrl: must begin with https://"),
        ({"jwksUrl": "file:///etc/keys"}, "0.jwksUrl: must begin with https://"),
        ({"jwksUrl": "https:///keys"}, "0.jwksUrl: must name a host"),
        ({"jwksUrl": ""}, "0.jwksUrl: String should have at least 1 character"),
        ({"caFile": "absent"}, "0.caFile: Path does not point to a file"),
        ({"bearerTokenFile": "absent"}, "0.bearerTokenFile: Path does not point to a file"),
        ({"publicKeyFile": "absent"}, "0.publicKeyFile: cannot be read: No such file"),
        ({"publicKeyFile": 7}, "0.publicKeyFile: must be the path of a file"),
        ({"accountClaim": "{sub"}, "0.accountClaim: must be the name of a claim"),
        ({"accountClaim": 7}, "0.accountClaim: must be the name of a claim"),
        (
            {"accountPrefix": None},
            "0: must say which accounts its tokens may name: by accountPrefix",
        ),
        ({"accountPrefix": 7}, "0.accountPrefix: Input should be a valid string"),
        ({"accounts": "demo"}, "0.accounts: Input should be a valid array"),
        ({"autoCreateNamespaces": "prod"}, "0.autoCreateNamespaces: Input should be a valid array"),
        ({"autoCreateMaxAccounts": 0}, "0.autoCreateMaxAccounts: Input should be greater than"),
        ({"autoCreateCredits": -1}, "0.autoCreateCredits: Input should be greater than or"),
        ({"autoCreateCredits": True}, "0.autoCreateCredits: "),
        ({"autoCreateCredits": "0.0000001"}, "0.autoCreateCredits: Decimal input should have"),
        ({"clockSkewSeconds": 301}, "0.clockSkewSeconds: Input should be less than or equal"),
        ({"clockSkewSeconds": "30"}, "0.clockSkewSeconds: Input should be a valid integer"),
        ({"jwkUrl": "https://issuer.example"}, "0.jwkUrl: Extra inputs are not permitted"),
    ],
)
def test_an_error_names_its_field(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    assert fault(tmp_path, [GOOD | changed]).startswith(said)


def test_the_message_names_all_problems(tmp_path: Path) -> None:
    said = fault(tmp_path, [GOOD | {"issuer": "", "audiences": []}, {}])

    assert "0.issuer: " in said
    assert "0.audiences: " in said
    assert "1.issuer: Field required" in said


def test_keys_come_from_one_place(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(signing_key().pem())
    key_file = {"publicKeyFile": str(tmp_path / "key.pem")}
    without_url = {name: value for name, value in GOOD.items() if name != "jwksUrl"}
    rule = "0: must have either jwksUrl or publicKeyFile"

    assert fault(tmp_path, [GOOD | key_file]) == rule
    assert fault(tmp_path, [without_url]) == rule
    assert fault(
        tmp_path, [without_url | key_file | {"bearerTokenFile": key_file["publicKeyFile"]}]
    ) == ("0: caFile and bearerTokenFile go with jwksUrl")


@pytest.mark.parametrize("content", [b"no PEM", b"-----BEGIN PUBLIC KEY-----\nAAAA\n", b""])
def test_a_file_without_a_key_or_certificates_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.pem"
    path.write_bytes(content)

    said = fault(tmp_path, [GOOD | {"publicKeyFile": str(path), "caFile": str(path)}])

    assert "0.publicKeyFile: holds no public key in PEM" in said
    assert "0.caFile: holds no certificates in PEM" in said


def test_a_key_that_signs_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = X25519PrivateKey.generate().public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    assert "0.publicKeyFile: holds a public key that verifies no" in fault(
        tmp_path, [GOOD | {"publicKeyFile": str(path)}]
    )


def test_an_issuer_is_listed_once(tmp_path: Path) -> None:
    assert fault(tmp_path, [GOOD, GOOD]) == "https://issuer.example is listed more than once"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "the file: Input should be a valid array"),
        ("issuer: a", "the file: Input should be a valid array"),
        ("- 7", "0: Input should be an object"),
        ("- {a: 2026-01-01}", "0.issuer: Field required"),
        ("a: [\nb", "is not plain YAML: "),
        ("a: \x07", "is not plain YAML: "),
        ("- {2026-01-01: a}", "is not plain YAML: keys must be str"),
        ("&a [*a]", "is not plain YAML: Circular reference"),
    ],
)
def test_a_file_that_is_no_list_of_issuers_is_refused(
    tmp_path: Path, document: str, said: str
) -> None:
    assert fault(tmp_path, document).startswith(said)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.yaml cannot be read: No such file"):
        read_issuers(tmp_path / "absent.yaml")


def test_the_command_ends_with_code_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [GOOD | {"algorithms": ["HS256"]}])

    with pytest.raises(SystemExit) as ended:
        main(["--jwt-issuers", str(path)])

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith(f"tintype gateway: TINTYPE_JWT_ISSUERS: {path}: 0.algorithms.0: ")
