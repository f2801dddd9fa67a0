"""The gateway's settings: `TINTYPE_*` in the environment, or flags of the same names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, SecretStr, model_validator
from pydantic_core import from_json
from pydantic_settings import NoDecode, SettingsConfigDict

from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import PrivateList, read_private_networks
from tintype_gateway.accounts import Profile
from tintype_gateway.auth.admin.review import parse_service_accounts
from tintype_gateway.auth.admin.roles import Role
from tintype_gateway.auth.admin.token_files import TOKEN_FORM, is_token
from tintype_gateway.auth.jwt.issuers import Issuer, read_issuers
from tintype_gateway.guardrails.settings import GuardrailSettings
from tintype_gateway.jobs.settings import JobSettings
from tintype_gateway.ledger.factory import is_postgres
from tintype_gateway.storage.factory import ImageSettings
from tintype_gateway.webhooks.urls import check_url

Port = Annotated[int, Field(ge=0, le=65535)]


Origin = Annotated[str, Field(pattern=r"^(\*|https?://[a-z0-9.\[\]:-]+)$")]
"""As browsers send it: scheme, host and port in lower case, and no path."""


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _json(value: object) -> object:
    """Parse what stands in the environment, with an error that pydantic reports like any other."""
    return from_json(value) if isinstance(value, str) else value


def _issuers(value: object) -> object:
    """Read the named file, so that its errors are reported like those of other settings."""
    return read_issuers(Path(value)) if isinstance(value, str) else value


def _service_accounts(value: object) -> object:
    return parse_service_accounts(value) if isinstance(value, str) else value


def _webhook_url(url: str) -> str:
    """Return a URL that webhooks can be sent to. The error does not repeat it."""
    if url:
        check_url(url)
    return url


def _token(token: SecretStr | None) -> SecretStr | None:
    """Return a token that a header can hold, and that cannot be guessed."""
    if token and not is_token(token.get_secret_value()):
        raise ValueError(TOKEN_FORM)
    return token


class GatewaySettings(GuardrailSettings, ImageSettings, JobSettings):
    """Read once at the start, and passed down. The docstrings are the help of the flags."""

    model_config = SettingsConfigDict(
        env_prefix="TINTYPE_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """The address of the API."""

    port: Port = 8080
    """The port of the API; 0 takes a free one."""

    admin_host: str = "127.0.0.1"
    """The address of metrics, probes and status."""

    admin_port: Port = 9090
    """The port of metrics, probes and status; 0 takes a free one."""

    admin_token: Annotated[SecretStr | None, AfterValidator(_token)] = None
    """The token of the admin API, at least 16 characters: the name `default`, the role `admin`.
    Without it and without a folder of tokens there is no admin API."""

    admin_tokens_dir: Path | None = None
    """A folder of tokens of the admin API: files NAME.ROLE with a token in each line, where ROLE is
    viewer, keys, money or admin. It is watched."""

    admin_service_accounts: Annotated[
        Mapping[str, Role], NoDecode, BeforeValidator(_service_accounts)
    ] = {}
    """The Kubernetes ServiceAccounts that may call the admin API with a token for the audience
    tintype-admin: NAMESPACE/NAME=ROLE, separated by commas."""

    webhook_url: Annotated[
        str, Field(json_schema_extra={"writeOnly": True}), AfterValidator(_webhook_url)
    ] = ""
    """The receiver of webhooks about budgets, https://HOST/PATH, or http:// for a server in a
    private network that TINTYPE_ALLOWED_PRIVATE_NETWORKS includes. Without it none are sent."""

    webhook_secrets_file: Path | None = None
    """A file with the secrets that sign webhooks, a `whsec_...` in each line. It is read anew for
    each message, so that secrets are rotated without a restart."""

    webhook_audit: bool = False
    """Send each change of the audit log to the receiver of webhooks as well."""

    data_dir: Path = Path(".tintype")
    """The folder for what must outlive a restart."""

    database_url: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = ""
    """The ledger: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE with user and
    password percent-encoded. By default ledger.db in the data folder."""

    catalog_dir: Path | None = None
    """A folder of manifests: models and bindings, and accounts, keys and grants, which are applied
    to the ledger. By default the starter catalog."""

    catalog_overlay: Path | None = None
    """A folder of merge patches to the manifests of the catalog folder."""

    catalog_configmap: str | None = None
    """The ConfigMap that an operator publishes the catalog in, watched at the API server."""

    catalog_mount: Path | None = None
    """The folder where that ConfigMap is mounted."""

    namespace: str | None = None
    """The namespace of ConfigMap and Secret. By default that of the pod or of the kubeconfig."""

    kubeconfig: Path | None = None
    """The kubeconfig to reach the API server with. By default as kubectl and pods find theirs."""

    credentials_dir: Path | None = None
    """The folder with the providers' credentials, a file SECRET.KEY each. It is watched."""

    credentials_secret: str | None = None
    """The Secret with these credentials, watched at the API server. The folder is the
    fallback."""

    jwt_issuers: Annotated[tuple[Issuer, ...], NoDecode, BeforeValidator(_issuers)] = ()
    """The YAML file of the issuers whose JWTs are accepted beside API keys."""

    simulate: bool = False
    """Start simulated providers and send every call to them."""

    allow_private_endpoints: bool = False
    """Let the `endpoint` of a binding be an address of a private network, as those of your own
    proxies are. Link-local addresses and metadata services stay closed."""

    allowed_private_networks: Annotated[PrivateList, NoDecode] = ()
    """The private networks (10.20.0.0/16) and Services (NAMESPACE/NAME), separated by commas, that
    bindings with `serviceRef`, `allowPrivate` or `proxy` may call."""

    allow_loopback_endpoints: bool = False
    """Let the `endpoint` of a binding be this machine, as a simulator beside the gateway is."""

    audit_lines: bool = True
    """Write a line of JSON to standard output for each change of accounts, keys, grants, models,
    bindings and admins."""

    audit_retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """After how many days the audit log forgets a change. By default never."""

    demo: bool = False
    """Make an account `demo` with a key in the data folder, and print how to use it."""

    playground: bool = True
    """Serve a page at `/` to try the models on."""

    public_models: bool = False
    """Let `GET /openapi.json` name the models, providers and parameters of the catalog also without
    a key."""

    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_comma_separated)] = ()
    """The origins whose pages may call the API from a browser, separated by commas, such as
    https://studio.example; `*` for all. By default none."""

    parameter_handling: Literal["lenient", "strict"] = "lenient"
    """Whether what a model does not take is adjusted and reported, or refused."""

    response_profile: Profile = "router"
    """The shape of responses where neither the request nor its account chooses one: `router` has
    all known fields, `openai` only values that OpenAI's schema allows."""

    default_model_params: Annotated[
        dict[str, dict[str, JsonValue]],
        NoDecode,
        BeforeValidator(_json),
        Field(validation_alias="DEFAULT_MODEL_PARAMS"),
    ] = {}
    """Values for request fields that a client left out, by model id, as JSON. They go before those
    of the catalog."""

    micro_credits_per_usd: Annotated[int, Field(ge=1, le=10**12)] = 16_000_000
    """Micro-credits per US dollar."""

    stream_heartbeat_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    """After how many seconds without an event a stream sends a comment, so that no proxy closes it.
    An error before that still has its HTTP status."""

    max_request_bytes: Annotated[int, Field(ge=1024, le=2**30)] = 1024 * 1024
    """The largest request body without images."""

    max_upload_bytes: Annotated[int, Field(ge=2**20, le=2**34)] = 2**30
    """The largest request body with images: sixteen of 50 MiB, a mask, and texts fit into the
    default."""

    spool_dir: Path | None = None
    """The folder where uploads above 1 MiB wait until their request ends. By default that of the
    system for temporary files. A folder in memory counts as memory."""

    spool_max_bytes: Annotated[int, Field(ge=2**20)] = 8 * 2**30
    """The disk space that the uploads of all requests may take. Requests beyond it are rejected."""

    allow_image_urls: bool = False
    """Fetch images from the https URLs that JSON bodies name. Only public addresses are called."""

    keep_image_metadata: bool = False
    """Leave EXIF, XMP and other metadata in the images that clients send to providers, among them
    where a photo was taken."""

    max_connections: Annotated[int, Field(ge=1)] | None = None
    """How many connections of clients are kept; more are closed at once. By default 20,000, or
    three quarters of the files that the process may open, if these are fewer."""

    memory_limit_bytes: Annotated[int, Field(ge=2**20)] | None = None
    """The memory that the process may use: requests beyond 85 percent of it are
    rejected. By default the limit of its container, or none."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""

    access_log_level: Literal["debug", "info", "warning", "error"] | None = None
    """The least severe line of the access log: errors are warnings. By default as all logs."""

    access_log_sampling: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of successful requests that get a line in the access log. Errors always do."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        from_cluster = self.has_published_catalog
        if from_cluster and (self.catalog_dir or self.catalog_overlay):
            raise ValueError(
                "TINTYPE_CATALOG_DIR and TINTYPE_CATALOG_OVERLAY do not go with "
                "TINTYPE_CATALOG_CONFIGMAP and TINTYPE_CATALOG_MOUNT: a catalog has one origin"
            )
        if from_cluster and self.simulate:
            raise ValueError(
                "TINTYPE_SIMULATE goes with a folder of manifests: in a cluster, run "
                "`tintype simulator` and let the bindings' `endpoint` name it"
            )
        return self

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.webhook_url and self.webhook_secrets_file is None:
            raise ValueError("TINTYPE_WEBHOOK_URL needs TINTYPE_WEBHOOK_SECRETS_FILE")
        if self.webhook_audit and not self.webhook_url:
            raise ValueError("TINTYPE_WEBHOOK_AUDIT needs TINTYPE_WEBHOOK_URL")
        return self

    @model_validator(mode="after")
    def _urls_have_a_store(self) -> Self:
        has_store = bool(self.s3_bucket or self.image_folder)
        if self.default_response_format == "url" and not has_store:
            raise ValueError(
                "TINTYPE_DEFAULT_RESPONSE_FORMAT=url needs AWS_S3_BUCKET or TINTYPE_IMAGE_STORE_DIR"
            )
        return self

    @property
    def endpoint_reach(self) -> Reach:
        """Where the endpoints of bindings may lead. The simulators are on this machine."""
        private = Reach.PRIVATE if self.allow_private_endpoints or self.simulate else Reach(0)
        loopback = Reach.LOOPBACK if self.allow_loopback_endpoints or self.simulate else Reach(0)
        return Reach.PUBLIC | private | loopback

    @property
    def egress_policy(self) -> EgressPolicy:
        """Where bindings may call."""
        private = read_private_networks(self.allowed_private_networks)
        return EgressPolicy(self.endpoint_reach, private)

    @property
    def image_folder(self) -> Path | None:
        """The folder of stored images, unless there is a bucket.

        Without a setting there is one where one gateway has its own data folder for good: with a
        catalog of files and a ledger of SQLite. Pods have none: it would fill the ledger's volume.
        """
        if self.image_store_dir is not None or self.s3_bucket:
            return self.image_store_dir
        is_alone = not self.has_published_catalog and not is_postgres(self.ledger_url)
        return self.data_dir / "images" if is_alone or self.simulate else None

    @property
    def job_key_file(self) -> Path | None:
        """The file with the keys of jobs. None if it must be set: gateways share a ledger."""
        if self.jobs_key_file is not None:
            return self.jobs_key_file
        return None if is_postgres(self.ledger_url) else self.data_dir / "jobs.key"

    @property
    def has_published_catalog(self) -> bool:
        """Whether the catalog is one that an operator publishes."""
        return bool(self.catalog_configmap or self.catalog_mount)

    @property
    def has_environment_credentials(self) -> bool:
        """Whether credentials may come from the environment variables of the providers' SDKs.

        Not in a cluster, where they would be those of a whole pod, and not for simulators.
        """
        in_cluster = self.has_published_catalog or "KUBERNETES_SERVICE_HOST" in os.environ
        return not in_cluster and not self.simulate

    @property
    def ledger_url(self) -> str:
        """The URL of the ledger."""
        return self.database_url or f"sqlite:///{self.data_dir / 'ledger.db'}"
