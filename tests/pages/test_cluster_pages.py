"""The commands for a cluster, on a real API server.

The cluster has no nodes: every pod is reported as ready, and what is executed in the gateway's pod
is executed beside the gateway, which is a process of this machine, as the operator is.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.pages.blocks import ROOT, Block, blocks, claim
from tests.pages.pods import pods_that_start
from tests.pages.shell import Shell, programs
from tintype_testing.accounts_product import AccountsProduct, running_accounts_product
from tintype_testing.chart import UNLIMITED
from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.control_plane import CONTROLLERS, LOOPBACK, ControlPlane
from tintype_testing.helm import HelmMissingError, find_helm
from tintype_testing.postgres import PostgresServer, find_programs
from tintype_testing.requirements import missing

pytestmark = pytest.mark.timeout(1200)  # helm and kubectl are started dozens of times

KUBERNETES = claim(__name__, "docs/kubernetes.md", "sh")
KUBERNETES_VALUES = claim(__name__, "docs/kubernetes.md", "yaml", having="# values.yaml")
UPGRADING = claim(__name__, "docs/upgrading.md", "sh")
HOSTED = claim(__name__, "docs/hosted-providers.md", "sh")
SELF_HOSTED = claim(__name__, "docs/self-hosted.md", "sh", having="-n gpu")
SELF_HOSTED += claim(__name__, "docs/self-hosted.md", "sh", having="helm upgrade")
SELF_HOSTED += claim(__name__, "docs/self-hosted.md", "sh", having="catalog check")
RESOURCES = claim(__name__, "docs/accounts-as-resources.md", "yaml", having="kind: Account")
RESOURCES_WAIT = claim(__name__, "docs/accounts-as-resources.md", "sh", having="kubectl wait")
MODEL_WAIT = claim(__name__, "docs/catalog.md", "sh")
ARCHIVE = claim(__name__, "docs/accounts.md", "sh", having="ledger archive")
WEBHOOK_SECRET = claim(__name__, "docs/webhooks.md", "sh", having="image-webhooks")

PODS = [
    *claim(__name__, "docs/accounts.md", "yaml", having="serviceAccountToken"),
    *claim(__name__, "docs/accounts-as-resources.md", "yaml", having="envFrom"),
]
ACCOUNTS_PAGE = (ROOT / "docs" / "accounts-as-resources.md").read_text()

(DEFAULT_DENY,) = claim(__name__, "docs/kubernetes.md", "yaml", having="default-deny")

ELSEWHERE = {
    "az": "a subscription of Azure",
    "gcloud": "a project of Google Cloud",
    "docker": "a daemon and a registry; `tests/node` builds and runs both images",
}
"""Programs that need what no test has; a stub succeeds in their place."""

PAGES = "pages"
"""The namespace of the pages that install a release of their own."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster of its own, as pages delete CRDs. Its pods start at once."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        missing(str(error))
    protection = ("persistentvolumeclaim-protection-controller",)
    reach = replace(LOOPBACK, controllers=(*CONTROLLERS, *protection))
    own = ControlPlane(tmp_path_factory.mktemp("pages-cluster"), binaries, reach)
    with ExitStack() as stack:
        stack.callback(own.stop)
        own.start()
        stack.enter_context(pods_that_start(own))
        yield own


@pytest.fixture
def product(cluster: ControlPlane, tmp_path: Path) -> Iterator[AccountsProduct]:
    """An operator and a gateway in a namespace."""
    cluster.apply_crds()
    (tmp_path / "product").mkdir()
    with running_accounts_product(cluster, tmp_path / "product") as product:
        product.start_operator()
        yield product


@pytest.fixture(scope="module")
def path(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The folders of the programs that pages call."""
    try:
        helm = find_helm()
    except HelmMissingError as error:
        missing(str(error))
    folder = tmp_path_factory.mktemp("bin")
    kubectl = KUBECTL.format(kubectl=cluster.binaries / "kubectl")
    (folder / "kubectl").write_text(kubectl)
    (folder / "kubectl").chmod(0o755)
    with programs(folder, ELSEWHERE):
        yield [folder, helm.parent]


KUBECTL = """#!/bin/bash
if [ "$1" = exec ]; then
  while [ "$1" != -- ]; do shift; done
  shift
  exec "$@"
fi
exec {kubectl} "$@"
"""
"""kubectl, which executes here what it should execute in a pod."""


def shell(
    cluster: ControlPlane, path: list[Path], folder: Path, namespace: str, **environ: str
) -> Shell:
    """A shell in a folder with what a checkout has, and a kubeconfig with a namespace."""
    for name in ("charts", "crds", "gateway"):
        (folder / name).symlink_to(ROOT / name)
    user = cluster.certificate_user("admin")
    own = {
        "KUBECONFIG": str(cluster.write_kubeconfig(namespace, user, namespace)),
        "KUBECACHEDIR": str(folder / "kubectl-cache"),
        "NO_PROXY": "127.0.0.1",
        **{f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")},
        **dict.fromkeys(("HELM_QPS", "HELM_BURST_LIMIT"), UNLIMITED),
    }
    return Shell(folder, path, own | environ)


def own(namespace: str) -> dict[str, str]:
    return {"-n images": f"-n {namespace}"}


LATER = {"kubectl rollout restart": "sleep 1; kubectl rollout restart"}
"""A reader restarts the pods again after minutes and days. kubectl refuses it within one second."""

JOB_KEYS = """
kubectl create secret generic tintype-job-keys \\
  --from-literal=keys="$(head -c 32 /dev/urandom | base64)"
"""
"""What the Job of an installation with `jobs.enabled` does."""


def test_a_release_is_installed_upgraded_tested_and_removed(
    cluster: ControlPlane, path: list[Path], tmp_path: Path
) -> None:
    build, try_it, install, rotate, bind, test, upgrade, uninstall, delete = KUBERNETES
    production, jobs = KUBERNETES_VALUES
    pages = shell(cluster, path, tmp_path, PAGES, OPENAI_API_KEY="sk-anything")
    values = tmp_path / "values.yaml"
    names = {"images-tintype-": f"{PAGES}-tintype-"}

    pages.run([build, try_it], replaced=own("tried"))
    values.write_text(production.code)
    pages.run([install], replaced=own(PAGES) | {"namespace images": f"namespace {PAGES}"})
    values.write_text(jobs.code)
    pages.run([upgrade], replaced=own(PAGES))
    pages.run([rotate, bind, test], before=JOB_KEYS, replaced=own(PAGES) | names | LATER)
    pages.run([uninstall], replaced=own(PAGES))
    assert cluster.kubectl("get", "imagemodels", "-n", PAGES, "-o", "name")
    pages.run([delete], replaced=own(PAGES))
    assert "tintype.dev" not in cluster.kubectl("get", "crds", "-o", "name")


def test_a_release_goes_to_the_next_version_and_back(
    cluster: ControlPlane, postgres: PostgresServer, path: list[Path], tmp_path: Path
) -> None:
    dump, upgrade, back, offer = UPGRADING
    database = postgres.url(postgres.create_database())
    namespace = cluster.create_namespace()
    places = [*path, find_programs() or path[0]]
    pages = shell(cluster, places, tmp_path, namespace, DATABASE_URL=database)
    (tmp_path / "values.yaml").write_text("gateway: {replicas: 2}\ndatabase: {existingSecret: db}")
    before = f"""
        psql "$DATABASE_URL" --quiet --command='CREATE TABLE kept (id integer)'
        kubectl create secret generic openai --from-literal=api-key=sk-anything
        helm install tintype charts/tintype -n {namespace} -f values.yaml >&2
    """

    pages.run([dump, offer, upgrade, back], before=before, replaced=own(namespace))

    history = f"helm history tintype -n {namespace} --output json"
    tables = "psql \"$DATABASE_URL\" --tuples-only --command='SELECT count(*) FROM kept'"
    revisions, rows = pages.run([Block("tests", 0, "sh", code) for code in (history, tables)])
    assert [each["description"] for each in json.loads(revisions)][-1] == "Rollback to 1"
    assert rows.strip() == "0"


def test_hosted_providers_are_added(
    product: AccountsProduct, path: list[Path], tmp_path: Path
) -> None:
    keys = ("AZURE_OPENAI_API_KEY", "XAI_API_KEY", "BFL_API_KEY", "FAL_KEY", "REPLICATE_API_TOKEN")
    namespace = product.namespace
    environ = dict.fromkeys(keys, "anything") | {"AKS_OIDC_ISSUER": "https://issuer.example"}
    pages = shell(product.cluster, path, tmp_path, namespace, **environ)
    (tmp_path / "key.json").write_text("{}")  # what `gcloud` would write
    release = f"helm install tintype charts/tintype -n {namespace} >&2"

    pages.run(HOSTED, before=release, replaced=own(namespace))

    bindings = json.loads(product.kubectl("get", "providerbindings", "-o", "json"))["items"]
    active = {each["spec"]["provider"] for each in bindings if each["spec"]["active"]}
    assert {"azure", "bfl", "fal", "replicate", "vertex", "xai"} <= active


def test_a_model_of_ones_own_is_served(
    product: AccountsProduct, path: list[Path], tmp_path: Path
) -> None:
    namespace = product.namespace
    pages = shell(product.cluster, path, tmp_path, namespace)
    for block in blocks("docs/self-hosted.md"):
        if block.language == "yaml" and (named := re.match(r"# ([\w-]+\.yaml)", block.code)):
            (tmp_path / named[1]).write_text(block.code)
    release = f"helm install tintype charts/tintype -n {namespace} >&2"

    server, upgrade, describe = SELF_HOSTED
    pages.run([server, upgrade], before=release, replaced=own(namespace))
    for name in ("charts", "crds", "gateway"):
        (tmp_path / name).unlink()
    pages.run([describe], replaced=own(namespace))


def test_accounts_keys_and_grants_become_ready(
    product: AccountsProduct, path: list[Path], tmp_path: Path
) -> None:
    namespace = product.namespace
    pages = shell(product.cluster, path, tmp_path, namespace)
    (tmp_path / "accounts.yaml").write_text(RESOURCES[0].code)

    pages.run(RESOURCES_WAIT, before="kubectl apply -f accounts.yaml", replaced=own(namespace))

    shown = re.search(r"^\$ (kubectl get.*)\n((?s:.*?))^```", ACCOUNTS_PAGE, re.MULTILINE)
    assert shown is not None
    command, table = shown.groups()
    (printed,) = pages.run([Block("docs", 0, "sh", command)], replaced=own(namespace))
    assert heads(printed) == heads(table)


def heads(table: str) -> list[list[str]]:
    """The names of the columns of the tables that kubectl prints."""
    return [line.split() for line in table.splitlines() if line.startswith("NAME ")]


def test_a_model_is_waited_for(product: AccountsProduct, path: list[Path], tmp_path: Path) -> None:
    product.operator.apply(*product.serve("gpt-image-2"))

    shell(product.cluster, path, tmp_path, product.namespace).run(MODEL_WAIT)


def test_commands_run_in_the_pod_of_a_gateway(
    product: AccountsProduct, path: list[Path], tmp_path: Path
) -> None:
    data = product.gateway.folder
    cluster = product.cluster
    cluster.kubectl("create", "namespace", "team-a")
    pages = shell(cluster, path, tmp_path, product.namespace, TINTYPE_DATA_DIR=str(data))

    pages.run(ARCHIVE, replaced={"/var/lib/tintype": str(data)})
    pages.run(WEBHOOK_SECRET, before="tintype accounts create team-a >&2")

    secret = cluster.kubectl("get", "secret", "image-webhooks", "-n", "team-a", "-o", "json")
    assert b64decode(json.loads(secret)["data"]["secret"]).startswith(b"whsec_")


def test_a_namespace_may_deny_what_no_policy_allows(cluster: ControlPlane) -> None:
    policy = yaml.safe_load(DEFAULT_DENY.code)
    metadata = policy["metadata"] | {"namespace": "default"}

    cluster.kubectl(
        "create", "--dry-run=server", "-f", "-", stdin=json.dumps(policy | {"metadata": metadata})
    )


@pytest.mark.parametrize("block", PODS, ids=str)
def test_a_pod_may_be_as_the_page_shows(cluster: ControlPlane, block: Block) -> None:
    shown = yaml.safe_load(block.code)
    spec = shown.get("spec", shown)
    containers = [each | {"image": "example.com/app"} for each in spec["containers"]]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}}
    service_account = {"serviceAccountName": "default"}
    whole = pod | {"spec": spec | {"containers": containers} | service_account}

    cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(whole))
