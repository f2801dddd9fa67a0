"""The effect of each value on the objects of a release."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from tests.charts.values import ADDED_ON, DEV, PRODUCTION
from tintype_catalog.allowed_hosts import allows, listed
from tintype_catalog.credentials import ALLOWED_HOSTS, OPT_IN_LABEL
from tintype_catalog.private_networks import read_private_networks
from tintype_gateway.auth.jwt.issuers import read_issuers
from tintype_gateway.settings import GatewaySettings
from tintype_operator.publish.catalog import configmap_names
from tintype_operator.settings import Settings as OperatorSettings
from tintype_operator.status.gateways import ADMIN_PORT
from tintype_testing.chart import Helm, Object, Values, find
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.monitoring import dashboards
from tintype_testing.monitoring.rules import alerts

POD_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
"""The folder into which the kubelet mounts the token of a pod."""


def test_two_releases_fit_into_one_namespace(helm: Helm) -> None:
    def names(release: str) -> set[tuple[str, str]]:
        objects = helm.objects(DEV | {"starterCatalog": {"enabled": False}}, name=release)
        return {(o["kind"], o["metadata"]["name"]) for o in objects}

    assert names("red") & names("green") == set()


def test_a_monitor_scrapes_the_admin_port_of_the_gateway(helm: Helm) -> None:
    objects = helm.objects(ADDED_ON)
    monitor = find(objects, "ServiceMonitor", "tintype-gateway")
    service = find(objects, "Service", "tintype-gateway-admin")

    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    api = find(objects, "Service", "tintype")["metadata"]["labels"]
    assert not monitor["spec"]["selector"]["matchLabels"].items() <= api.items()


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_the_admin_port_stays_in_the_cluster_for_every_type_of_the_api(
    helm: Helm, type_: str
) -> None:
    objects = helm.objects({"service": {"type": type_}})
    api, admin = (find(objects, "Service", f"tintype{name}") for name in ("", "-gateway-admin"))

    assert (api["spec"]["type"], _ports(api)) == (type_, ["http"])
    assert (admin["spec"]["type"], _ports(admin)) == ("ClusterIP", ["admin"])
    assert api["spec"]["selector"] == admin["spec"]["selector"]
    pods = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["metadata"]["labels"]
    assert admin["spec"]["selector"].items() <= pods.items()


def test_the_operator_finds_the_gateways_by_the_service_of_their_admin_port(helm: Helm) -> None:
    objects = helm.objects({})
    environ = {entry["name"]: entry.get("value") for entry in container(objects, "operator")["env"]}

    service = find(objects, "Service", str(environ["TINTYPE_GATEWAY_SERVICE"]))
    assert ADMIN_PORT in _ports(service)


def _ports(service: Object) -> list[str]:
    return [port["name"] for port in service["spec"]["ports"]]


def egress(objects: list[Object], name: str) -> list[dict[str, Any]]:
    policy = find(objects, "NetworkPolicy", f"tintype-{name}")
    assert "Egress" in policy["spec"]["policyTypes"]
    return list(policy["spec"]["egress"])


DESTINATIONS = (
    *("apiServer", "dns", "database", "objectStore", "keySets", "otlp", "providers"),
    "webhooks",
    "guardrail",
)


def _to(number: int) -> list[dict[str, Any]]:
    return [{"ipBlock": {"cidr": f"192.0.2.{number}/32"}}]


def test_network_policies_allow_the_destinations_in_the_values(helm: Helm) -> None:
    places = {
        name: {"to": _to(number), "ports": [7000 + number]}
        for number, name in enumerate(DESTINATIONS)
    }
    traces = {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:7005"}
    objects = helm.objects(
        PRODUCTION
        | {"networkPolicy": {"enabled": True, "egress": places}, "gateway": {"extraEnv": [traces]}}
    )

    def called(name: str) -> set[tuple[str, int]]:
        return {
            (rule["to"][0]["ipBlock"]["cidr"], port["port"])
            for rule in egress(objects, name)
            for port in rule.get("ports", ())
            if "ipBlock" in rule["to"][0]
        }

    named = [(f"192.0.2.{number}/32", 7000 + number) for number in range(len(DESTINATIONS))]
    assert called("gateway") == set(named)
    assert called("operator") == set(named[:2])


def test_network_policies_forbid_destinations_of_unused_features(helm: Helm) -> None:
    objects = helm.objects({"networkPolicy": {"enabled": True}})

    ports = {port["port"] for rule in egress(objects, "gateway") for port in rule["ports"]}
    assert ports == {53, 443, 6443}


def test_only_gateways_may_call_a_simulator_and_it_has_no_egress(helm: Helm) -> None:
    objects = helm.objects(DEV | {"networkPolicy": {"enabled": True}})
    policy = find(objects, "NetworkPolicy", "tintype-simulator")["spec"]
    pods = find(objects, "Deployment", "tintype-simulator")["spec"]["template"]["metadata"]
    gateways = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["metadata"]

    assert policy["podSelector"]["matchLabels"].items() <= pods["labels"].items()
    assert egress(objects, "simulator") == []
    ((peer,),) = (rule["from"] for rule in policy["ingress"])
    assert peer["podSelector"]["matchLabels"].items() <= gateways["labels"].items()
    assert "NetworkPolicy/tintype-simulator" not in {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in helm.objects({"networkPolicy": {"enabled": True}})
    }


@pytest.mark.parametrize("required", [True, False])
def test_secrets_need_the_opt_in_label_unless_a_value_disables_it(
    helm: Helm, required: bool
) -> None:
    objects = helm.objects({"operator": {"requireCredentialsOptIn": required}})
    environ = {entry["name"]: entry.get("value") for entry in container(objects, "operator")["env"]}

    given = environ.get("TINTYPE_REQUIRE_CREDENTIALS_OPT_IN", "true")
    assert given == str(required).lower()


def test_the_secret_of_the_simulators_may_be_sent_to_them(helm: Helm) -> None:
    objects = helm.objects(DEV)
    metadata = find(objects, "Secret", "tintype-simulator")["metadata"]
    hosts = listed(metadata["annotations"][ALLOWED_HOSTS])

    assert metadata["labels"][OPT_IN_LABEL] == "true"
    for binding in (item for item in objects if item["kind"] == "ProviderBinding"):
        assert allows(hosts, binding["spec"]["endpoint"])
    assert allows(hosts, "http://tintype-simulator:9000")


def test_a_monitor_scrapes_the_operator(helm: Helm) -> None:
    objects = helm.objects(ADDED_ON)

    (endpoint,) = find(objects, "PodMonitor", "tintype-operator")["spec"]["podMetricsEndpoints"]
    ports = {port["name"] for port in container(objects, "operator")["ports"]}
    assert endpoint["port"] in ports


def test_the_starter_catalog_is_that_of_its_release(helm: Helm) -> None:
    objects = helm.objects({"starterCatalog": {"enabled": True}, "operator": {"release": "blue"}})

    models = [object_ for object_ in objects if object_["kind"] == "ImageModel"]
    assert {model["metadata"]["labels"]["tintype.dev/release"] for model in models} == {"blue"}


def test_simulators_serve_the_whole_catalog_except_two_retired_models(helm: Helm) -> None:
    objects = helm.objects(DEV)
    retired = {
        object_["spec"]["id"]
        for object_ in objects
        if object_["kind"] == "ImageModel" and "retiresOn" in object_["spec"].get("lifecycle", {})
    }
    bindings = [object_["spec"] for object_ in objects if object_["kind"] == "ProviderBinding"]

    assert {"dall-e-2", "dall-e-3"} <= retired
    assert "gpt-image-1" not in retired
    assert {binding["endpoint"] for binding in bindings} == {
        "http://tintype-simulator.images.svc:9000"
    }
    assert {binding["credentials"]["secretRef"]["name"] for binding in bindings} == {
        find(objects, "Secret", "tintype-simulator")["metadata"]["name"]
    }


@pytest.mark.parametrize(
    ("values", "allowed"),
    [({}, None), (DEV, "true"), ({"gateway": {"allowPrivateEndpoints": True}}, "true")],
)
def test_private_endpoints_are_allowed_for_simulators_or_by_a_value(
    helm: Helm, values: Values, allowed: str | None
) -> None:
    given = {entry["name"]: entry for entry in container(helm.objects(values), "gateway")["env"]}

    assert given.get("TINTYPE_ALLOW_PRIVATE_ENDPOINTS", {}).get("value") == allowed


@pytest.mark.parametrize("program", ["gateway", "operator"])
def test_both_programs_know_the_private_networks_of_the_release(helm: Helm, program: str) -> None:
    values: Values = {"gateway": {"allowedPrivateNetworks": ["10.20.0.0/16", "images/vllm"]}}
    given = {entry["name"]: entry for entry in container(helm.objects(values), program)["env"]}

    allowed = given["TINTYPE_ALLOWED_PRIVATE_NETWORKS"]["value"]
    assert read_private_networks(listed(allowed)) == read_private_networks(
        values["gateway"]["allowedPrivateNetworks"]
    )


def test_the_network_policy_allows_the_private_networks_of_the_release(helm: Helm) -> None:
    allowed = ["10.20.0.0/16", "fd00:1::/32", "images/vllm"]
    values: Values = {
        "gateway": {"allowedPrivateNetworks": allowed},
        "networkPolicy": {"enabled": True},
    }
    objects = helm.objects(values)

    (rule,) = [rule for rule in egress(objects, "gateway") if "ports" not in rule]
    assert rule["to"] == [
        {"ipBlock": {"cidr": "10.20.0.0/16"}},
        {"ipBlock": {"cidr": "fd00:1::/32"}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "images"}}},
    ]
    assert not [rule for rule in egress(objects, "operator") if "ports" not in rule]


def test_a_route_leads_to_the_api_and_waits_for_images(helm: Helm) -> None:
    route = find(helm.objects(ADDED_ON), "HTTPRoute", "tintype-gateway")

    (rule,) = route["spec"]["rules"]
    assert rule == {
        "backendRefs": [{"name": "tintype", "port": 8080}],
        "timeouts": {"request": "300s"},
    }


def container(objects: list[Object], name: str) -> dict[str, Any]:
    spec = find(objects, "Deployment", f"tintype-{name}")["spec"]["template"]["spec"]
    (found,) = spec["containers"]
    return dict(found)


def test_without_a_database_there_is_one_gateway_and_its_ledger_is_kept(
    helm: Helm,
) -> None:
    objects = helm.objects({})

    deployment = find(objects, "Deployment", "tintype-gateway")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    claim = find(objects, "PersistentVolumeClaim", "tintype-gateway")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_with_a_database_the_schema_is_migrated_first_and_upgrades_are_rolling(helm: Helm) -> None:
    objects = helm.objects({"database": {"existingSecret": "ledger"}})

    deployment = find(objects, "Deployment", "tintype-gateway")
    (migration,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert migration["command"] == ["tintype", "ledger", "migrate"]
    assert migration["env"] == container(objects, "gateway")["env"]
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "PersistentVolumeClaim" not in {o["kind"] for o in objects}


def test_old_postings_are_archived_on_a_schedule_if_it_is_asked_for(helm: Helm) -> None:
    values: Values = {
        "database": {"existingSecret": "ledger"},
        "networkPolicy": {"enabled": True},
        "ledgerArchive": {
            "enabled": True,
            "schedule": "0 4 * * 0",
            "keepDays": 30,
            "existingClaim": "books",
        },
    }
    objects = helm.objects(values)

    job = find(objects, "CronJob", "tintype-ledger-archive")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("0 4 * * 0", "Forbid")
    pod = job["jobTemplate"]["spec"]["template"]
    (archive,) = pod["spec"]["containers"]
    assert archive["command"] == (
        ["tintype", "ledger", "archive", "--before", "30d", "--to", "/var/archive"]
    )
    (url,) = [each for each in container(objects, "gateway")["env"] if "DATABASE" in each["name"]]
    assert archive["env"] == [url]
    assert {"name": "archive", "persistentVolumeClaim": {"claimName": "books"}} in (
        pod["spec"]["volumes"]
    )
    policy = find(objects, "NetworkPolicy", "tintype-ledger-archive")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert 5432 in {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert "CronJob" not in {o["kind"] for o in helm.objects({})}


def test_the_ledger_is_backed_up_on_a_schedule_if_it_is_asked_for(helm: Helm) -> None:
    values: Values = {
        "database": {"existingSecret": "ledger"},
        "ledgerBackup": {"enabled": True, "schedule": "0 5 * * *", "existingClaim": "backups"},
    }
    objects = helm.objects(values)

    job = find(objects, "CronJob", "tintype-ledger-backup")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("0 5 * * *", "Forbid")
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (backup,) = pod["containers"]
    assert backup["command"] == ["tintype", "ledger", "backup", "--to", "/var/backup"]
    assert {"name": "backup", "persistentVolumeClaim": {"claimName": "backups"}} in pod["volumes"]


def test_no_pod_has_environment_variables_for_services(helm: Helm) -> None:
    """A Service named tintype would set TINTYPE_PORT to a URL."""
    for object_ in helm.objects(DEV):
        if object_["kind"] == "Deployment":
            assert object_["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_a_gateway_starts_before_the_operator_has_created_its_mounts(helm: Helm) -> None:
    spec = find(helm.objects({}), "Deployment", "tintype-gateway")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}

    assert volumes["catalog"]["projected"]["sources"] == [
        {"configMap": {"name": name, "optional": True}}
        for name in configmap_names("tintype-catalog")
    ]
    assert volumes["credentials"]["secret"] == {
        "secretName": "tintype-credentials",
        "optional": True,
    }


def test_uploads_have_a_folder_larger_than_the_spool_limit(helm: Helm) -> None:
    objects = helm.objects({"gateway": {"spool": {"maxBytes": 10_000_000_000}}})

    spec = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    gateway = container(objects, "gateway")
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway["volumeMounts"]}
    environ = {each["name"]: each.get("value") for each in gateway["env"]}
    assert volumes["spool"] == {"name": "spool", "emptyDir": {"sizeLimit": 11_000_000_000}}
    assert environ["TINTYPE_SPOOL_DIR"] == mounts["spool"]
    assert environ["TINTYPE_SPOOL_MAX_BYTES"] == "10000000000"


def test_a_change_of_the_issuers_restarts_the_gateways(helm: Helm) -> None:
    def checksum(values: Values) -> str:
        deployment = find(helm.objects(values), "Deployment", "tintype-gateway")
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/jwt-issuers"])

    assert checksum({}) != checksum({"jwt": {"serviceAccounts": {"enabled": True}}})


def test_the_gateway_accepts_the_rendered_issuers(
    helm: Helm, cluster: ControlPlane, tmp_path: Path
) -> None:
    objects = helm.objects({"jwt": PRODUCTION["jwt"]})
    text = find(objects, "ConfigMap", "tintype-gateway-jwt")["data"]["issuers.yaml"]
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    authority = kubeconfig["clusters"][0]["cluster"]["certificate-authority"]
    (tmp_path / "ca.crt").write_text(Path(authority).read_text())
    (tmp_path / "token").write_text("what the kubelet writes there")
    (tmp_path / "issuers.yaml").write_text(text.replace(POD_FILES, str(tmp_path)))

    issuers = read_issuers(tmp_path / "issuers.yaml")

    assert [issuer.issuer for issuer in issuers] == [
        "https://id.example.com",
        "https://kubernetes.default.svc.cluster.local",
    ]


@pytest.mark.parametrize(
    ("name", "settings"), [("gateway", GatewaySettings), ("operator", OperatorSettings)]
)
def test_every_rendered_variable_is_a_setting_of_its_program(
    helm: Helm, name: str, settings: type[BaseSettings]
) -> None:
    given = {entry["name"] for entry in container(helm.objects(PRODUCTION), name)["env"]}

    known = {f"TINTYPE_{field.upper()}" for field in settings.model_fields}
    assert {entry for entry in given if entry.startswith("TINTYPE_")} - known == set()


@pytest.mark.parametrize("watched", [False, True])
def test_gateways_watch_their_credentials_only_if_a_value_enables_it(
    helm: Helm, watched: bool
) -> None:
    deployment = find(
        helm.objects({"gateway": {"watchCredentials": watched}}), "Deployment", "tintype-gateway"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    environ = {entry["name"]: entry.get("value") for entry in container["env"]}

    secret = "tintype-credentials" if watched else None
    assert environ.get("TINTYPE_CREDENTIALS_SECRET") == secret
    assert environ["TINTYPE_CREDENTIALS_DIR"] == "/etc/tintype/credentials"


def test_webhooks_have_their_url_and_secrets_from_a_secret(helm: Helm) -> None:
    values: Values = {"webhooks": {"existingSecret": "hooks", "urlKey": "to", "secretsKey": "by"}}
    objects = helm.objects(values)

    gateway = container(objects, "gateway")
    environ = {each["name"]: each for each in gateway["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway["volumeMounts"]}
    spec = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"]
    (volume,) = [each for each in spec["volumes"] if each["name"] == "webhooks"]
    assert environ["TINTYPE_WEBHOOK_URL"]["valueFrom"] == {
        "secretKeyRef": {"name": "hooks", "key": "to"}
    }
    file = f"{mounts['webhooks']}/{volume['secret']['items'][0]['path']}"
    assert environ["TINTYPE_WEBHOOK_SECRETS_FILE"]["value"] == file
    assert volume["secret"]["items"] == [{"key": "by", "path": "secrets"}]
    assert not [
        each for each in container(helm.objects({}), "gateway")["env"] if "WEBHOOK" in each["name"]
    ]


def test_the_guardrail_has_its_url_and_secrets_from_a_secret(helm: Helm) -> None:
    chosen = {"existingSecret": "policy", "urlKey": "to", "secretsKey": "by", "timeoutSeconds": 0.5}
    objects = helm.objects({"guardrail": chosen | {"onFailure": "open", "inputImages": "sha256"}})

    gateway = container(objects, "gateway")
    environ = {each["name"]: each for each in gateway["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway["volumeMounts"]}
    spec = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"]
    (volume,) = [each for each in spec["volumes"] if each["name"] == "guardrail"]
    assert volume["secret"] == {"secretName": "policy", "items": [{"key": "by", "path": "secrets"}]}
    key = {"secretKeyRef": {"name": "policy", "key": "to"}}
    assert environ["TINTYPE_GUARDRAIL_URL"]["valueFrom"] == key
    values = {
        name.removeprefix("TINTYPE_GUARDRAIL_"): each["value"]
        for name, each in environ.items()
        if "GUARDRAIL" in name and "value" in each
    }
    assert values == {
        "SECRETS_FILE": f"{mounts['guardrail']}/secrets",
        "TIMEOUT_SECONDS": "0.5",
        "ON_FAILURE": "open",
        "INPUT_IMAGES": "sha256",
        "OUTPUT_IMAGES": "none",
    }
    assert "GUARDRAIL" not in str(container(helm.objects({}), "gateway")["env"])


def test_the_alerts_are_those_of_the_file_and_name_their_runbooks(helm: Helm) -> None:
    rule = find(helm.objects(ADDED_ON), "PrometheusRule", "tintype-alerts")
    rendered = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]

    assert [alert["alert"] for alert in rendered] == [alert["alert"] for alert in alerts()]
    for alert in rendered:
        url = f"https://wiki.example.com/tintype#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook_url"] == url


@pytest.mark.parametrize("name", dashboards.names())
def test_a_dashboard_is_rendered_unchanged(helm: Helm, name: str) -> None:
    found = find(helm.objects(ADDED_ON), "ConfigMap", "tintype-dashboards")

    assert json.loads(found["data"][f"tintype-{name}.json"]) == dashboards.read(name)
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"] == {"folder": "Images"}


@pytest.mark.parametrize("wanted", [True, False])
def test_a_value_disables_the_playground(helm: Helm, wanted: bool) -> None:
    objects = helm.objects({"gateway": {"playground": wanted}})
    (container,) = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"][
        "containers"
    ]
    environ = {entry["name"]: entry.get("value") for entry in container["env"]}

    assert environ["TINTYPE_PLAYGROUND"] == str(wanted).lower()


def test_a_gateway_has_what_the_webhook_of_aks_asks_for(helm: Helm) -> None:
    objects = helm.objects(PRODUCTION)
    pod = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]
    account = find(objects, "ServiceAccount", pod["spec"]["serviceAccountName"])

    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    client = account["metadata"]["annotations"]["azure.workload.identity/client-id"]
    assert client == "4d0b2a7e"
