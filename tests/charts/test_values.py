"""The schema of the values, and their documentation in the README."""

import json

import jsonschema
import pytest
import yaml

from tintype_catalog.__about__ import __version__
from tintype_testing.chart import CHART, Helm, Values, find
from tools.chart_readme import readme

VALUES = (CHART / "values.yaml").read_text()


def test_the_readme_matches_the_comments_in_the_values() -> None:
    assert (CHART / "README.md").read_text() == readme(VALUES)


def test_every_value_is_documented() -> None:
    def leaves(value: object, path: str = "") -> set[str]:
        if f"| `{path}` |" in page or not isinstance(value, dict) or not value:
            return {path}
        return {
            leaf
            for key, part in value.items()
            for leaf in leaves(part, f"{path}.{key}"[not path :])
        }

    page = readme(VALUES)

    assert {path for path in leaves(yaml.safe_load(VALUES)) if f"| `{path}` |" not in page} == set()


def test_the_schema_is_valid_and_accepts_the_defaults() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(VALUES), schema)


def test_the_chart_has_the_version_of_the_program() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_helm_lint_reports_nothing(helm: Helm) -> None:
    version = "--kube-version=1.35"

    assert "0 chart(s) failed" in helm.run("lint", "--strict", version, str(CHART))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"gatway": {}}, "gatway"),
        ({"gateway": {"replica": 2}}, "replica"),
        ({"gateway": {"replicas": "2"}}, "replicas"),
        ({"gateway": {"logLevel": "loud"}}, "logLevel"),
        ({"gateway": {"parameterHandling": "Strict"}}, "parameterHandling"),
        ({"gateway": {"responseProfile": "OpenAI"}}, "responseProfile"),
        ({"service": {"port": 70000}}, "port"),
        ({"persistence": {"size": "much"}}, "size"),
        ({"operator": {"replicas": 3}}, "replicas"),
        ({"database": {"existingSecret": "postgresql://me:secret@db/x"}}, "existingSecret"),
        ({"jwt": {"issuers": [{"issuer": "https://example.com"}]}}, "audiences"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
        ({"s3": {"encryption": "rot13"}}, "encryption"),
        ({"s3": {"prefix": "/images"}}, "prefix"),
        ({"httpRoute": {"timeout": "5 minutes"}}, "timeout"),
        ({"ledgerArchive": {"keepDays": 1}}, "keepDays"),
        ({"ledgerArchive": {"schedule": "at night"}}, "schedule"),
        ({"ledgerBackup": {"schedule": "at night"}}, "schedule"),
        ({"autoscaling": {"mode": "both"}}, "mode"),
        ({"autoscaling": {"targetReservedMemoryPercentage": 100}}, "targetReservedMemory"),
        ({"autoscaling": {"keda": {"authentication": {"modes": "none"}}}}, "modes"),
        ({"jobs": {"workers": {"autoscaling": {"mode": "load"}}}}, "mode"),
        ({"jobs": {"concurrency": 0}}, "concurrency"),
        ({"jobs": {"retentionSeconds": 1}}, "retentionSeconds"),
        ({"jobs": {"workers": {"terminationGracePeriodSeconds": 10}}}, "terminationGracePeriod"),
    ],
)
def test_the_error_for_a_wrong_value_names_it(helm: Helm, values: Values, named: str) -> None:
    assert named in helm.complaint(values)


@pytest.mark.parametrize(
    "several", [{"gateway": {"replicas": 2}}, {"autoscaling": {"enabled": True}}]
)
def test_several_gateways_need_a_shared_ledger(helm: Helm, several: Values) -> None:
    assert "database.existingSecret" in helm.complaint(several)

    helm.render(several | {"database": {"existingSecret": "ledger"}})


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"starterCatalog": {"enabled": True, "simulated": True}}, "simulator.enabled=true"),
        ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
        (
            {
                "imageFolder": {"enabled": True, "publicUrl": "https://images.example.com"},
                "gateway": {"replicas": 2},
                "database": {"existingSecret": "ledger"},
            },
            "s3.bucket",
        ),
        ({"imageFolder": {"enabled": True}}, "imageFolder.publicUrl"),
        ({"jobs": {"enabled": True}}, "jobs.enabled needs an image store"),
        (
            {"jobs": {"enabled": True}, "database": {"existingSecret": "ledger"}},
            "jobs.enabled needs an image store",
        ),
        ({"jobs": {"workers": {"enabled": True}}}, "jobs.workers.enabled needs jobs.enabled"),
        (
            {
                "jobs": {"enabled": True, "workers": {"enabled": True}},
                "imageFolder": {"enabled": True, "publicUrl": "https://images.example.com"},
                "database": {"existingSecret": "ledger"},
            },
            "database.existingSecret to a Secret with the postgresql:// URL, and s3.bucket",
        ),
        (
            {
                "jobs": {"enabled": True, "workers": {"enabled": True}},
                "s3": {"bucket": "images"},
            },
            "database.existingSecret to a Secret with the postgresql:// URL, and s3.bucket",
        ),
        (
            {"ledgerArchive": {"enabled": True, "existingClaim": "books"}},
            "database.existingSecret",
        ),
        (
            {"ledgerArchive": {"enabled": True}, "database": {"existingSecret": "ledger"}},
            "ledgerArchive.existingClaim",
        ),
        (
            {"ledgerBackup": {"enabled": True, "existingClaim": "books"}},
            "ledgerBackup.enabled needs database.existingSecret",
        ),
        (
            {"ledgerBackup": {"enabled": True}, "database": {"existingSecret": "ledger"}},
            "ledgerBackup.existingClaim",
        ),
        (
            {"autoscaling": {"enabled": True, "mode": "keda"}, "database": {"existingSecret": "x"}},
            "KEDA needs autoscaling.keda.serverAddress",
        ),
        (
            {
                "jobs": {
                    "enabled": True,
                    "workers": {
                        "enabled": True,
                        "autoscaling": {"enabled": True, "minReplicas": 0},
                    },
                },
                "s3": {"bucket": "images"},
                "database": {"existingSecret": "ledger"},
            },
            "needs jobs.workers.autoscaling.mode=keda",
        ),
        ({"s3": {"accelerate": True, "endpoint": "http://minio:9000"}}, "acceleration endpoint"),
        (
            {"gateway": {"preStopSeconds": 60, "terminationGracePeriodSeconds": 30}},
            "more than gateway.preStopSeconds",
        ),
    ],
)
def test_contradictory_values_are_refused(helm: Helm, values: Values, advice: str) -> None:
    assert advice in helm.complaint(values)


def test_no_manifest_contains_a_database_url(helm: Helm) -> None:
    objects = helm.objects({"database": {"existingSecret": "ledger", "key": "dsn"}})

    (gateway,) = find(objects, "Deployment", "tintype-gateway")["spec"]["template"]["spec"][
        "containers"
    ]
    (url,) = [entry for entry in gateway["env"] if entry["name"] == "TINTYPE_DATABASE_URL"]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "ledger", "key": "dsn"}}
