"""Each alert fires in the situation that it is for, and not in normal operation: evaluated by
`promtool`."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.monitoring.rules import FILE, alerts
from tintype_testing.requirements import require

HINT = "apt-get install prometheus"

Series = dict[str, str]
"""A series and its values, one a minute, in promtool's notation: `0+6x60` counts six a minute."""

NAMESPACE = 'namespace="images"'
REQUESTS = f'tintype_http_requests_total{{{NAMESPACE}, route="/v1/images/generations", status='
CALLS = f'tintype_provider_requests_total{{{NAMESPACE}, provider="openai", model="m", outcome='
CALL_SECONDS = (
    f'tintype_provider_request_duration_seconds_bucket{{{NAMESPACE}, provider="openai", '
    'region="global", outcome="success", le='
)
HOLD_SECONDS = (
    f'tintype_ledger_operation_duration_seconds_bucket{{{NAMESPACE}, operation="hold", '
    'outcome="done", le='
)
LEDGER_COUNT = (
    f'tintype_ledger_operation_duration_seconds_count{{{NAMESPACE}, operation="hold", outcome='
)
MISCONFIGURED = (
    f'tintype_misconfigured_calls_total{{{NAMESPACE}, provider="openai", binding="canvas"}}'
)
CIRCUIT = f'tintype_circuit_state{{{NAMESPACE}, binding="canvas", region="us-east-1"}}'
LAG_SECONDS = f'tintype_event_loop_lag_seconds_bucket{{{NAMESPACE}, instance="a", le='
SHED = f'tintype_requests_shed_total{{{NAMESPACE}, instance="a", reason="reserved"}}'
PROPAGATION = f'tintype_catalog_propagation_seconds_bucket{{{NAMESPACE}, source="mount", le='
LOADS = f'tintype_catalog_loads_total{{{NAMESPACE}, source="watch", result='
GATEWAYS = f"tintype_operator_gateways{{{NAMESPACE}, state="
LEADER = f'tintype_operator_leader{{{NAMESPACE}, instance="a"}}'
RELIST_AGE = f'tintype_operator_relist_age_seconds{{{NAMESPACE}, instance="a"}}'
RECONCILES = f"tintype_operator_reconcile_total{{{NAMESPACE}, result="
RETIRES = f'tintype_model_retirement_timestamp_seconds{{{NAMESPACE}, model="m"}}'
IMAGES = f'tintype_images_generated_total{{{NAMESPACE}, provider="openai", model="m"}}'
EXCESS = f'tintype_excess_credits_total{{{NAMESPACE}, provider="openai", model="m"}}'
UNSETTLED = (
    f'tintype_unsettled_upstream_calls_total{{{NAMESPACE}, provider="openai", reason="timeout"}}'
)
GIVEN_UP = f'tintype_webhooks_given_up_total{{{NAMESPACE}, type="budget.threshold_reached"}}'
JOBS = "tintype_jobs_"
JOB_UNKNOWN = (
    f'{JOBS}ended_total{{{NAMESPACE}, operation="image_generation", status="outcome_unknown"}}'
)
JOBS_GIVEN_UP = f'tintype_webhooks_given_up_total{{{NAMESPACE}, type="image.job.failed"}}'
VERDICTS = f'tintype_guardrail_verdicts_total{{{NAMESPACE}, check="prompt", verdict='
OLDEST = f"tintype_webhooks_oldest_seconds{{{NAMESPACE}"
GPU = {"namespace": "images", "binding": "gpu"}
WAITS = f'tintype_slot_wait_seconds_count{{{NAMESPACE}, binding="gpu", outcome='
WAIT_SECONDS = (
    f'tintype_slot_wait_seconds_bucket{{{NAMESPACE}, binding="gpu", outcome="leased", le='
)
PROBES = f'tintype_health_probes_total{{{NAMESPACE}, binding="gpu", instance='


@dataclass(frozen=True)
class Case:
    """The series at which an alert is silent, those at which it fires, and its text."""

    alert: str
    good: Series
    bad: Series
    summary: str
    labels: dict[str, str] = field(default_factory=dict)
    minutes: int = 60
    """The time of the evaluation, after the start of the series."""


OPENAI = {"namespace": "images", "provider": "openai"}

CASES = [
    Case(
        "TintypeNoGateway",
        {'tintype_build_info{version="1"}': "1x60"},
        {},
        "Prometheus scrapes no gateway.",
    ),
    Case(
        "TintypeNoCatalog",
        {f'tintype_catalog_sequence{{{NAMESPACE}, instance="a"}}': "7x60"},
        {f'tintype_catalog_sequence{{{NAMESPACE}, instance="a"}}': "0x60"},
        "The gateway a has no catalog, so it serves no requests.",
        {"namespace": "images", "instance": "a"},
    ),
    Case(
        "TintypeErrorsFast",
        {f'{REQUESTS}"200"}}': "0+95x60", f'{REQUESTS}"503"}}': "0+5x60"},
        {f'{REQUESTS}"200"}}': "0+80x60", f'{REQUESTS}"503"}}': "0+20x60"},
        "20% of the requests of the last hour got a 5xx: the month's budget of 1 % lasts two days "
        "at this pace.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeErrorsSlow",
        {f'{REQUESTS}"200"}}': "0+95x360", f'{REQUESTS}"503"}}': "0+5x360"},
        {f'{REQUESTS}"200"}}': "0+90x360", f'{REQUESTS}"503"}}': "0+10x360"},
        "10% of the requests of the last six hours got a 5xx: the month's budget of 1 % lasts five "
        "days at this pace.",
        {"namespace": "images"},
        minutes=360,
    ),
    Case(
        "TintypeEventLoopSlow",
        {f'{LAG_SECONDS}"0.1"}}': "0+120x60", f'{LAG_SECONDS}"+Inf"}}': "0+120x60"},
        {
            f'{LAG_SECONDS}"0.1"}}': "0+60x60",
            f'{LAG_SECONDS}"0.25"}}': "0+120x60",
            f'{LAG_SECONDS}"+Inf"}}': "0+120x60",
        },
        "The event loop of a is 220ms late, and so is every request.",
        {"namespace": "images", "instance": "a"},
    ),
    Case(
        "TintypeRequestsShed",
        {SHED: "3x60"},
        {SHED: "0+6x60"},
        "60 requests of the last ten minutes were rejected because memory, or disk space for "
        "uploads, was short.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeProviderFailing",
        {f'{CALLS}"success"}}': "0+8x60", f'{CALLS}"unavailable"}}': "0+2x60"},
        {f'{CALLS}"success"}}': "0+2x60", f'{CALLS}"unavailable"}}': "0+8x60"},
        "80% of the calls to openai fail.",
        OPENAI,
    ),
    Case(
        "TintypeProviderUnauthorized",
        {f'{CALLS}"success"}}': "0+8x60", f'{CALLS}"unauthorized"}}': "3x60"},
        {f'{CALLS}"success"}}': "0+8x60", f'{CALLS}"unauthorized"}}': "_x55 1 1 1 1 1 1"},
        "openai refuses our credentials.",
        OPENAI,
    ),
    Case(
        "TintypeBindingMisconfigured",
        {MISCONFIGURED: "3x60"},
        {MISCONFIGURED: "_x55 1 1 1 1 1 1"},
        "openai does not have the model or the endpoint of ProviderBinding canvas.",
        {**OPENAI, "binding": "canvas"},
    ),
    Case(
        "TintypeProviderThrottled",
        {f'{CALLS}"success"}}': "0+95x60", f'{CALLS}"throttled"}}': "0+5x60"},
        {f'{CALLS}"success"}}': "0+75x60", f'{CALLS}"throttled"}}': "0+25x60"},
        "openai throttles 25% of our calls.",
        OPENAI,
    ),
    Case(
        "TintypeCircuitOpen",
        {CIRCUIT: "2x10 0x50"},
        {CIRCUIT: "2x30 1x1 2x30"},
        "ProviderBinding canvas has had an open circuit breaker in us-east-1 for 15 minutes.",
        {"namespace": "images", "binding": "canvas", "region": "us-east-1"},
    ),
    Case(
        "TintypeProviderSlow",
        {f'{CALL_SECONDS}"90"}}': "0+10x60", f'{CALL_SECONDS}"+Inf"}}': "0+10x60"},
        {
            f'{CALL_SECONDS}"90"}}': "0+8x60",
            f'{CALL_SECONDS}"120"}}': "0+10x60",
            f'{CALL_SECONDS}"+Inf"}}': "0+10x60",
        },
        "One in ten images of openai in global takes longer than 1m 45s.",
        OPENAI | {"region": "global"},
    ),
    Case(
        "TintypeModelRetires",
        {RETIRES: "864000x120", IMAGES: "5x120"},
        {RETIRES: "864000x120", IMAGES: "0+1x120"},
        "The model m, which is in use, ends in 9.917 days.",
        {"namespace": "images", "model": "m"},
        minutes=120,
    ),
    Case(
        "TintypeCallsWithoutSlot",
        {f'{WAITS}"leased"}}': "0+95x60", f'{WAITS}"full"}}': "0+5x60"},
        {
            f'{WAITS}"leased"}}': "0+60x60",
            f'{WAITS}"full"}}': "0+30x60",
            f'{WAITS}"timeout"}}': "0+10x60",
        },
        "40% of the calls to ProviderBinding gpu get no slot: its queue is full or too slow.",
        GPU,
    ),
    Case(
        "TintypeQueueSlow",
        {f'{WAIT_SECONDS}"30"}}': "0+19x60", f'{WAIT_SECONDS}"+Inf"}}': "0+20x60"},
        {
            f'{WAIT_SECONDS}"30"}}': "0+10x60",
            f'{WAIT_SECONDS}"45"}}': "0+20x60",
            f'{WAIT_SECONDS}"+Inf"}}': "0+20x60",
        },
        "One in ten calls to ProviderBinding gpu waits longer than 42s for a slot.",
        GPU,
    ),
    Case(
        "TintypeHealthProbeFailing",
        {
            f'{PROBES}"a", result="success"}}': "0+6x60",
            f'{PROBES}"b", result="success"}}': "0+4x60",
            f'{PROBES}"b", result="failure"}}': "0+2x60",
        },
        {
            f'{PROBES}"a", result="success"}}': "0+6x60",
            f'{PROBES}"b", result="failure"}}': "0+6x60",
        },
        "100% of the health probes of a gateway to ProviderBinding gpu fail.",
        GPU,
    ),
    Case(
        "TintypeLedgerUnavailable",
        {f'{LEDGER_COUNT}"done"}}': "0+9x60", f'{LEDGER_COUNT}"unavailable"}}': "4x60"},
        {f'{LEDGER_COUNT}"unavailable"}}': "0+1x60"},
        "The ledger cannot be used, so requests are refused.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeLedgerSlow",
        {f'{HOLD_SECONDS}"0.25"}}': "0+9x60", f'{HOLD_SECONDS}"+Inf"}}': "0+9x60"},
        {
            f'{HOLD_SECONDS}"0.25"}}': "0+5x60",
            f'{HOLD_SECONDS}"0.5"}}': "0+10x60",
            f'{HOLD_SECONDS}"+Inf"}}': "0+10x60",
        },
        "One in ten times the ledger takes longer than 450ms to hold.",
        {"namespace": "images", "operation": "hold"},
    ),
    Case(
        "TintypeHoldsExpired",
        {f"tintype_holds_expired_total{{{NAMESPACE}}}": "2x60"},
        {f"tintype_holds_expired_total{{{NAMESPACE}}}": "0x45 3x15"},
        "3 holds expired: a gateway died with requests in flight.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeUnsettledCalls",
        {UNSETTLED: "0x50 4x10"},
        {UNSETTLED: "0+1x60"},
        "60 calls to openai in an hour may cost what no account was charged for: timeout.",
        OPENAI | {"reason": "timeout"},
    ),
    Case(
        "TintypeExcessCredits",
        {EXCESS: "2x90"},
        {EXCESS: "_x80 2 2 2 2 2 2 2 2 2 2 2"},
        "Images of m cost 2 credits more than their holds.",
        OPENAI | {"model": "m"},
        minutes=90,
    ),
    Case(
        "TintypeWebhooksLate",
        {
            f'{OLDEST}, receiver="settings", instance="a"}}': "1200x60",
            f'{OLDEST}, receiver="jobs", instance="a"}}': "9000x60",
        },
        {
            f'{OLDEST}, receiver="settings", instance="a"}}': "2400x60",
            f'{OLDEST}, receiver="settings", instance="b"}}': "0x60",
        },
        "The oldest webhook has waited for 40m 0s.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeWebhooksGivenUp",
        {GIVEN_UP: "3x120", JOBS_GIVEN_UP: "0+1x120"},
        {GIVEN_UP: "0x100 1x20"},
        "Webhooks of the type budget.threshold_reached were given up.",
        {"namespace": "images", "type": "budget.threshold_reached"},
        minutes=120,
    ),
    Case(
        "TintypeGuardrailOpen",
        {f'{VERDICTS}"allow"}}': "0+6x60", f'{VERDICTS}"deny"}}': "0+6x60"},
        {f'{VERDICTS}"allow"}}': "0+9x60", f'{VERDICTS}"failed_open"}}': "0+3x60"},
        "The policy service gives no verdict on 25% of what it is asked, which passes unjudged.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeGuardrailClosed",
        {f'{VERDICTS}"allow"}}': "0+6x60", f'{VERDICTS}"deny"}}': "0+6x60"},
        {f'{VERDICTS}"allow"}}': "0+9x60", f'{VERDICTS}"failed_closed"}}': "0+3x60"},
        "The policy service gives no verdict on 25% of what it is asked, which is refused.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeJobsWithoutWorker",
        {
            f'{JOBS}concurrency{{{NAMESPACE}, instance="a"}}': "0x60",
            f'{JOBS}concurrency{{{NAMESPACE}, instance="b"}}': "16x60",
            f'{JOBS}queued{{{NAMESPACE}, instance="a", model="m"}}': "3x60",
        },
        {
            f'{JOBS}concurrency{{{NAMESPACE}, instance="a"}}': "0x60",
            f'{JOBS}concurrency{{{NAMESPACE}, instance="b"}}': "0x60",
            f'{JOBS}queued{{{NAMESPACE}, instance="a", model="m"}}': "3x60",
        },
        "Jobs wait, and no gateway runs any.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeJobsWaiting",
        {f'{JOBS}oldest_seconds{{{NAMESPACE}, instance="a", model="m"}}': "600x60"},
        {
            f'{JOBS}oldest_seconds{{{NAMESPACE}, instance="a", model="m"}}': "1200x60",
            f'{JOBS}oldest_seconds{{{NAMESPACE}, instance="b", model="m"}}': "1190x60",
        },
        "The oldest job of the model m has waited for 20m 0s.",
        {"namespace": "images", "model": "m"},
    ),
    Case(
        "TintypeJobsOutcomeUnknown",
        {JOB_UNKNOWN: "2x120"},
        {JOB_UNKNOWN: "_x100 2x20"},
        "2 jobs ended without a known outcome within an hour: image_generation.",
        {"namespace": "images", "operation": "image_generation"},
        minutes=120,
    ),
    Case(
        "TintypeCatalogRejected",
        {f'{LOADS}"loaded"}}': "0+1x60", f'{LOADS}"rejected"}}': "2x60"},
        {f'{LOADS}"loaded"}}': "0+1x60", f'{LOADS}"rejected"}}': "_x55 1 1 1 1 1 1"},
        "A catalog that came by watch cannot be served; the last good one stays.",
        {"namespace": "images", "source": "watch"},
    ),
    Case(
        "TintypeGatewaysBehind",
        {f'{GATEWAYS}"acked"}}': "5x60", f'{GATEWAYS}"stale"}}': "0x60"},
        {f'{GATEWAYS}"acked"}}': "3x60", f'{GATEWAYS}"stale"}}': "2x60"},
        "2 gateways do not serve the newest catalog: stale.",
        {"namespace": "images", "state": "stale"},
    ),
    Case(
        "TintypePropagationSlow",
        {f'{PROPAGATION}"90"}}': "0+1x60", f'{PROPAGATION}"+Inf"}}': "0+1x60"},
        {
            f'{PROPAGATION}"120"}}': "0+1x60",
            f'{PROPAGATION}"300"}}': "0+4x60",
            f'{PROPAGATION}"+Inf"}}': "0+4x60",
        },
        "Changes of the catalog take 4m 36s to arrive by mount.",
        {"namespace": "images", "source": "mount"},
    ),
    Case(
        "TintypeOperatorWithoutLeader",
        {LEADER: "1x60", f'tintype_operator_leader{{{NAMESPACE}, instance="b"}}': "0x60"},
        {LEADER: "0x60", f'tintype_operator_leader{{{NAMESPACE}, instance="b"}}': "0x60"},
        "No operator leads, so changes of the catalog wait.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeOperatorFailing",
        {f'{RECONCILES}"success"}}': "0+3x60", f'{RECONCILES}"error"}}': "1x60"},
        {f'{RECONCILES}"error"}}': "0+3x60"},
        "The operator's reconciliations fail.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeOperatorListStale",
        {RELIST_AGE: "1000x60", LEADER: "0x60"},
        {RELIST_AGE: "1000x60", LEADER: "1x60"},
        "The operator last saw all objects 16m 40s ago.",
        {"namespace": "images"},
    ),
    Case(
        "TintypePublicationRefused",
        {f"tintype_operator_publication_refused{{{NAMESPACE}}}": "0x60"},
        {f"tintype_operator_publication_refused{{{NAMESPACE}}}": "1x60"},
        "The operator refuses to publish a catalog that lost too many models.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeDeletionsRefused",
        {f"tintype_operator_account_loss_refused{{{NAMESPACE}}}": "0x60"},
        {f"tintype_operator_account_loss_refused{{{NAMESPACE}}}": "12x60"},
        "The operator keeps 12 keys and accounts whose objects vanished.",
        {"namespace": "images"},
    ),
    Case(
        "TintypeAuditReportsLate",
        {f"tintype_operator_audit_changes_waiting{{{NAMESPACE}}}": "3 0 3 0x57"},
        {f"tintype_operator_audit_changes_waiting{{{NAMESPACE}}}": "3x60"},
        "Changes of models and bindings have waited for half an hour for a gateway that records "
        "them.",
        {"namespace": "images"},
    ),
]


@pytest.fixture(scope="session")
def promtool() -> str:
    return require("promtool", HINT)


def test_every_alert_has_a_case() -> None:
    assert [rule["alert"] for rule in alerts()] == [case.alert for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_is_silent_in_normal_operation_and_fires_in_its_case(
    case: Case, promtool: str, tmp_path: Path
) -> None:
    (rule,) = [rule for rule in alerts() if rule["alert"] == case.alert]
    fired = {
        "exp_labels": case.labels | rule["labels"],
        "exp_annotations": rule["annotations"] | {"summary": case.summary},
    }
    file = tmp_path / "alerts_test.json"
    file.write_text(
        json.dumps(
            {
                "rule_files": [str(FILE)],
                "tests": [look(case, case.good, []), look(case, case.bad, [fired])],
            }
        )
    )

    ended = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_promtool_accepts_the_rules(promtool: str) -> None:
    ended = subprocess.run([promtool, "check", "rules", FILE], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def look(case: Case, series: Series, fired: list[dict[str, Any]]) -> dict[str, Any]:
    """A test of promtool: these series, and the alerts at their end."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.minutes}m", "alertname": case.alert, "exp_alerts": fired}
        ],
    }
