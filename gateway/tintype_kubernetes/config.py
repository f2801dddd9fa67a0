"""The address of the API server and the credentials, from a kubeconfig file or inside a pod."""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tintype_kubernetes.errors import ConfigError

SERVICE_ACCOUNT_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""The folder with the projected token, namespace and cluster CA of a pod."""

USER_KUBECONFIG = Path("~/.kube/config")
"""kubectl's own default."""


@dataclass(frozen=True)
class ClusterConfig:
    """How to reach an API server. Certificates are PEM text; `repr` shows no secrets."""

    server: str
    """Base URL without a trailing slash."""
    namespace: str = "default"
    """The namespace of the pod, or of the kubeconfig's current context."""
    ca: str | None = None
    """The CA certificates; `None` trusts those of the system."""
    insecure: bool = False
    """Accept any server certificate."""
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    """Read for each call, because the kubelet rotates bound tokens."""
    client_certificate: str | None = None
    client_key: str | None = field(default=None, repr=False)

    def bearer_token(self) -> str | None:
        """Return the current token, None without token authentication."""
        if self.token_file is None:
            return self.token
        return _read(self.token_file).strip()

    def ssl_context(self) -> ssl.SSLContext:
        """Return a TLS context with the cluster's CA and the client certificate."""
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate and self.client_key:
            self._load_client_certificate(context)
        return context

    def _load_client_certificate(self, context: ssl.SSLContext) -> None:
        # Python's ssl module reads key pairs from files only.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(f"{self.client_certificate}\n{self.client_key}\n")
            pair.flush()
            context.load_cert_chain(pair.name)


def load_config(kubeconfig: Path | None = None) -> ClusterConfig:
    """Return the configuration of the cluster, from the same places as other controllers.

    In this order: the given file, `$KUBECONFIG`, the pod's ServiceAccount, `~/.kube/config`.

    Raises:
        ConfigError: None of them exists, or the first that exists cannot be used.
    """
    if kubeconfig is not None:
        return load_kubeconfig(kubeconfig)
    if named := os.environ.get("KUBECONFIG"):
        return load_kubeconfig(_only_path(named))
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return load_in_cluster()
    if USER_KUBECONFIG.expanduser().exists():
        return load_kubeconfig(USER_KUBECONFIG)
    raise ConfigError(
        "no Kubernetes cluster: $KUBECONFIG is not set, this is not a pod "
        f"(no $KUBERNETES_SERVICE_HOST), and there is no {USER_KUBECONFIG}"
    )


def load_in_cluster(
    directory: Path = SERVICE_ACCOUNT_DIRECTORY, environ: Mapping[str, str] = os.environ
) -> ClusterConfig:
    """Return the configuration of the cluster of this pod, with its ServiceAccount.

    Raises:
        ConfigError: The environment or the projected files of a pod are missing.
    """
    host = environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        raise ConfigError("not inside a pod: $KUBERNETES_SERVICE_HOST is not set")
    bracketed = f"[{host}]" if ":" in host else host
    token_file = directory / "token"
    _read(token_file)
    return ClusterConfig(
        server=f"https://{bracketed}:{environ.get('KUBERNETES_SERVICE_PORT', '443')}",
        namespace=_read(directory / "namespace").strip(),
        ca=_read(directory / "ca.crt"),
        token_file=token_file,
    )


def load_kubeconfig(path: Path) -> ClusterConfig:
    """Return the configuration in the current context of a kubeconfig file.

    Raises:
        ConfigError: The file is missing or malformed, or its login needs an external program.
    """
    path = path.expanduser()
    document = _parse(path)
    context = _entry(path, document, "context", document.get("current-context"))
    cluster = _entry(path, document, "cluster", context.get("cluster"))
    user = _entry(path, document, "user", context.get("user"))
    for login in ("exec", "auth-provider"):
        if login in user:
            raise ConfigError(
                f"{path}: user {context['user']!r} logs in with `{login}`, which is not supported; "
                "use a token or a client certificate"
            )
    token_file = user.get("tokenFile")
    return ClusterConfig(
        server=str(cluster.get("server", "")).rstrip("/"),
        namespace=context.get("namespace") or "default",
        ca=_pem(path, cluster, "certificate-authority"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        token=user.get("token"),
        token_file=path.parent / token_file if token_file else None,
        client_certificate=_pem(path, user, "client-certificate"),
        client_key=_pem(path, user, "client-key"),
    )


def _only_path(named: str) -> Path:
    paths = [path for path in named.split(os.pathsep) if path]
    if len(paths) != 1:
        raise ConfigError(
            f"$KUBECONFIG names {len(paths)} files, and one is needed; "
            "`kubectl config view --flatten` merges them"
        )
    return Path(paths[0])


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(_read(path))
    except yaml.YAMLError as error:  # its text quotes the file, which may contain a token
        mark = getattr(error, "problem_mark", None)
        where = f", in line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path} is not YAML{where}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not a kubeconfig")
    return document


def _entry(path: Path, document: dict[str, Any], kind: str, name: object) -> dict[str, Any]:
    """Return the named entry of the list `contexts`, `clusters` or `users`."""
    for entry in document.get(f"{kind}s") or []:
        if entry.get("name") == name:
            return entry.get(kind) or {}
    raise ConfigError(f"{path} has no {kind} named {name!r}")


def _pem(path: Path, entry: dict[str, Any], key: str) -> str | None:
    """Return the PEM text in `<key>-data`, or in the file that `<key>` names."""
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(data, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {key}-data is not base64 of PEM text") from error
    return _read(path.parent / entry[key]) if entry.get(key) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
