"""The documentation names everything that it promises to name."""

import re
from pathlib import Path

import pytest

import tintype_gateway.server  # noqa: F401 - metrics register where they are defined
from tintype_cli.flags import is_secret
from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.observability.metrics import REGISTRY as GATEWAY_METRICS
from tintype_gateway.settings import GatewaySettings
from tintype_operator.metrics import REGISTRY as OPERATOR_METRICS
from tintype_operator.settings import Settings as OperatorSettings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/**/*.md")])
OPERATIONS = "".join(
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("operations", "accounts")
)
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()


CLIENTS = {"api_key", "base_url"}
"""The variables of the commands that call a gateway, after their prefix."""

OF_TESTS = {"chaos_seconds", "chaos_seed"}


def test_every_setting_that_a_page_names_exists() -> None:
    """The reference, which is generated, lists all of them."""
    secrets = {name for name, field in GatewaySettings.model_fields.items() if is_secret(field)}
    known = {*GatewaySettings.model_fields, *OperatorSettings.model_fields, *CLIENTS, *OF_TESTS}
    known |= {f"{name}_file" for name in secrets}

    for page in PAGES:
        named = {
            name.lower()
            for name in re.findall(r"\bTINTYPE_([A-Z][A-Z0-9_]*[A-Z0-9])\b", page.read_text())
        }
        assert named - known == set(), page.name


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    known = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for registry in (GATEWAY_METRICS, OPERATOR_METRICS)
        for metric in registry.collect()
        if not metric.name.startswith("process_")  # those that every client library has
    }
    documented = set(re.findall(r"^\| `((?:tintype|gen_ai)_\w+)`", OBSERVABILITY, re.MULTILINE))

    assert documented == known


def test_every_request_field_is_documented() -> None:
    fields = ImageGenerationRequest.model_fields

    assert {name for name in fields if f"`{name}`" not in API} == set()


def test_every_error_code_is_documented() -> None:
    sources = (ROOT / "gateway" / "tintype_gateway").rglob("*.py")
    code = re.compile(r"code(?:: str)?\s*=\s*\"([a-z_]+)\"")
    codes = {found for path in sources for found in code.findall(path.read_text())}

    assert codes
    assert {found for found in codes if f"`{found}`" not in API + OPERATIONS} == set()


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", (ROOT / "docs" / "threat-model.md").read_text()))
    known = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert named
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _without_code(page.read_text()))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]

    assert [link for link in local if not _exists(page, link)] == []


def _exists(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path) if path else page
    if not anchor or target.suffix != ".md":
        return target.exists()
    return target.exists() and anchor in _anchors(target.read_text())


def _anchors(text: str) -> set[str]:
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", _without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
