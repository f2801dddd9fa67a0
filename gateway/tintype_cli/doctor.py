"""`tintype doctor`: checks a running installation, and says what to do."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tintype_catalog.catalog import Catalog
from tintype_cli.checks import cluster
from tintype_cli.checks.catalog import folder_catalog
from tintype_cli.checks.finding import Clock, Finding, clock_findings
from tintype_cli.checks.gateways import admin_urls, check_gateways
from tintype_cli.checks.images import check_images
from tintype_cli.checks.ledger import check_ledger
from tintype_cli.checks.providers import check_providers
from tintype_cli.flags import read_settings
from tintype_cli.help import WRONG_SETTING, CommandParser, texts
from tintype_gateway.settings import GatewaySettings
from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import load_config
from tintype_kubernetes.errors import KubernetesError
from tintype_operator.settings import Settings as OperatorSettings

PROGRAM = "tintype doctor"

EXIT_CODES = {
    0: "no problem, but perhaps warnings",
    1: "at least one problem",
    2: WRONG_SETTING,
}


def main(argv: Sequence[str]) -> int:
    """Check, print the findings, and return the exit code."""
    arguments = build_parser().parse_args(argv)
    settings = read_settings(GatewaySettings, PROGRAM, {}, [])
    findings = asyncio.run(Examination(settings, arguments).run())
    if arguments.json:
        print(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{each.level:<8} {each.check}: {each.message}")
            if each.advice:
                print(f"{'':<8} -> {each.advice}")
    return 1 if any(each.level == "problem" for each in findings) else 0


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog=PROGRAM,
        **texts(
            "Check a running installation, and print what to do: catalog, ledger, jobs, image "
            "store, credentials of the providers (by calls that cost nothing) and clocks, with the "
            "settings of the gateway in the environment; and a cluster, if one is named. It "
            "changes nothing, but for a file in the image store that it deletes.",
            example="tintype doctor --gateway http://127.0.0.1:9090\n"
            "tintype doctor --kubeconfig ~/.kube/config --namespace images --json",
            exit_codes=EXIT_CODES,
        ),
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="check the cluster of this file, too")
    add("--namespace", metavar="NAME", help="check this namespace of the cluster, too")
    add(
        "--catalog-configmap",
        metavar="NAME",
        help="the ConfigMap of the catalog (default: $TINTYPE_CATALOG_CONFIGMAP, tintype-catalog)",
    )
    add(
        "--gateway",
        action="append",
        default=[],
        metavar="URL",
        help="the admin port of a gateway to check, such as http://127.0.0.1:9090; repeatable",
    )
    add(
        "--gateway-service",
        metavar="NAME",
        help="check each pod of this Service, from inside of the cluster",
    )
    add(
        "--providers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether to call the providers (default: yes)",
    )
    add(
        "--audit",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether to audit the whole ledger, which reads all of it (default: yes)",
    )
    add("--json", action="store_true", help="print the findings as JSON")
    return parser


class Examination:
    """The checks that the settings and the arguments ask for."""

    def __init__(self, settings: GatewaySettings, arguments: argparse.Namespace) -> None:
        self._settings = settings
        self._arguments = arguments
        self._findings: list[Finding] = []
        self._clocks: list[Clock] = []
        self._revision: str | None = None
        """What all gateways should serve, if it is published."""

        self._gateways: list[str] = list(arguments.gateway)

    async def run(self) -> list[Finding]:
        """Return what all checks have found."""
        catalog = await self._catalog()
        self._add(*await check_gateways(self._gateways, self._revision))
        if self._knows_ledger:
            audit: bool = self._arguments.audit
            self._add(*await check_ledger(self._settings, with_audit=audit))
        if not self._is_cluster or self._settings.s3_bucket or self._settings.image_store_dir:
            self._add(await check_images(self._settings))
        if self._arguments.providers and self._knows_credentials:
            bindings = [binding for binding in catalog.bindings if binding.active]
            self._add(*await check_providers(self._settings, bindings))
        return [*self._findings, *clock_findings(self._clocks)]

    @property
    def _is_cluster(self) -> bool:
        named = (self._arguments.kubeconfig, self._arguments.namespace)
        return any(named) or self._settings.has_published_catalog

    @property
    def _knows_ledger(self) -> bool:
        """Whether the environment has the ledger: that of a cluster is no file of this machine."""
        return bool(self._settings.database_url) or not self._is_cluster

    @property
    def _knows_credentials(self) -> bool:
        if self._settings.simulate:
            return False
        return self._settings.credentials_dir is not None or not self._is_cluster

    def _add(self, findings: Sequence[Finding], clocks: Sequence[Clock] = ()) -> None:
        self._findings += findings
        self._clocks += clocks

    async def _catalog(self) -> Catalog:
        if not self._is_cluster:
            catalog, findings = folder_catalog(self._settings)
            self._add(findings)
            return catalog
        try:
            config = load_config(self._arguments.kubeconfig or self._settings.kubeconfig)
            async with connect(config) as client:
                namespace = self._arguments.namespace or self._settings.namespace
                return await self._cluster(client, namespace or config.namespace)
        except KubernetesError as error:
            advice = "check --kubeconfig, the network and the rights of its user"
            self._add([Finding(cluster.SERVER, "problem", str(error), advice)])
            return Catalog()

    async def _cluster(self, client: KubernetesClient, namespace: str) -> Catalog:
        """Check the cluster, and return its published catalog."""
        server, clock = await cluster.check_server(client)
        self._add([server], [] if clock is None else [clock])
        settings, operator = self._settings, OperatorSettings()
        named = self._arguments.catalog_configmap or settings.catalog_configmap
        name: str = named or operator.catalog_configmap
        for who, needed in (
            ("operator", cluster.operator_permissions(operator)),
            ("gateway", [*cluster.gateway_permissions(name, settings.credentials_secret)]),
        ):
            self._add([await cluster.check_rights(client, namespace, who, needed)])
        self._add(await cluster.check_crds(client))
        findings, manifest, catalog = await cluster.check_catalog(client, namespace, name)
        self._add(findings)
        self._revision = None if manifest is None else manifest.sha256
        self._add(await cluster.check_objects(client, namespace))
        if service := self._arguments.gateway_service:
            self._gateways += await admin_urls(client, namespace, service)
        return catalog
