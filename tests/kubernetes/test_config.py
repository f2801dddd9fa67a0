import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_kubernetes.config import load_config, load_in_cluster, load_kubeconfig
from tintype_kubernetes.errors import ConfigError


def kubeconfig(folder: Path, *, user: dict[str, Any], **cluster: Any) -> Path:
    path = folder / "kubeconfig"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/"} | cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "art"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_a_kubeconfig_gives_the_current_context(tmp_path: Path) -> None:
    config = load_kubeconfig(kubeconfig(tmp_path, user={"token": "t"}))

    assert config.server == "https://10.0.0.1:6443"
    assert config.namespace == "art"
    assert config.bearer_token() == "t"
    assert not config.insecure


def test_certificates_may_be_data_or_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("KEY")
    user = {"client-certificate-data": encoded("CERTIFICATE"), "client-key": "key.pem"}

    config = load_kubeconfig(
        kubeconfig(tmp_path, user=user, **{"certificate-authority-data": encoded("CA")})
    )

    assert (config.ca, config.client_certificate, config.client_key) == ("CA", "CERTIFICATE", "KEY")


def test_secrets_stay_out_of_the_representation(tmp_path: Path) -> None:
    user = {"token": "hush-token", "client-key-data": encoded("hush-key")}

    assert "hush" not in repr(load_kubeconfig(kubeconfig(tmp_path, user=user)))


def test_a_tls_context_holds_the_client_certificate(tmp_path: Path) -> None:
    self_signed = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-subj /CN=x -keyout x.key -out x.crt"
    )
    subprocess.run(self_signed.split(), cwd=tmp_path, check=True, capture_output=True)
    user = {"client-certificate": "x.crt", "client-key": "x.key"}

    config = load_kubeconfig(kubeconfig(tmp_path, user=user, **{"certificate-authority": "x.crt"}))

    assert config.ssl_context().get_ca_certs()[0]["subject"] == ((("commonName", "x"),),)


def test_an_insecure_cluster_is_not_verified(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, user={}, **{"insecure-skip-tls-verify": True})

    assert not load_kubeconfig(path).ssl_context().check_hostname


@pytest.mark.parametrize("login", ["exec", "auth-provider"])
def test_a_login_by_an_external_program_is_refused(tmp_path: Path, login: str) -> None:
    with pytest.raises(ConfigError, match=f"logs in with `{login}`.*token or a client certificate"):
        load_kubeconfig(kubeconfig(tmp_path, user={login: {}}))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "not YAML"),
        ("just text", "not a kubeconfig"),
        ("current-context: x", "no context named 'x'"),
        ("contexts: [{name: null, context: {cluster: c}}]", "no cluster named 'c'"),
    ],
)
def test_the_error_of_a_malformed_kubeconfig_names_the_cause(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    with pytest.raises(ConfigError, match=complaint):
        load_kubeconfig(path)


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*/absent"):
        load_kubeconfig(tmp_path / "absent")


def test_certificate_data_that_is_no_base64_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="client-key-data"):
        load_kubeconfig(kubeconfig(tmp_path, user={"client-key-data": "***"}))


def service_account(folder: Path) -> Path:
    for name, text in {"token": "old\n", "namespace": "art", "ca.crt": "CA"}.items():
        (folder / name).write_text(text)
    return folder


def test_a_pod_finds_its_cluster_and_rereads_its_token(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}

    config = load_in_cluster(service_account(tmp_path), environ)
    (tmp_path / "token").write_text("new\n")

    assert config.server == "https://[fd00::1]:6443"
    assert (config.namespace, config.ca) == ("art", "CA")
    assert config.bearer_token() == "new"


def test_without_a_projected_token_the_error_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*/token"):
        load_in_cluster(tmp_path, {"KUBERNETES_SERVICE_HOST": "10.96.0.1"})


def test_the_given_file_takes_precedence_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kubeconfig(tmp_path, user={"token": "given"})
    monkeypatch.setenv("KUBECONFIG", "/absent")

    assert load_config(path).token == "given"


def test_the_environment_takes_precedence_over_the_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, user={"token": "named"})))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")

    assert load_config().token == "named"


def test_the_kubeconfig_in_the_home_folder_is_used_last(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    kubeconfig(folder, user={"token": "own"}).rename(folder / "config")

    assert load_config().token == "own"


def test_several_kubeconfig_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/a:/b")

    with pytest.raises(ConfigError, match=r"names 2 files.*--flatten"):
        load_config()


def test_without_a_cluster_the_error_names_the_places_that_were_searched() -> None:
    with pytest.raises(ConfigError, match=r"\$KUBECONFIG.*not a pod.*~/\.kube/config"):
        load_config()
