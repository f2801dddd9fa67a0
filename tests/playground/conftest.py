"""A real gateway with its simulators, and a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.playground.chromium import running_chromium
from tests.playground.visitor import Visitor, visit
from tintype_testing.gateway_process import GatewayProcess, running_process

Visiting = Callable[..., Visitor]

expect.set_options(timeout=120_000)  # by default five seconds, which a loaded machine exceeds


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: the loop that drives it must not outlive what needs it."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def visiting(browser: Browser, gateway: GatewayProcess) -> Iterator[Visiting]:
    """Lets people visit, with Playwright's options of a browser, and no reason to complain."""
    visitors: list[Visitor] = []

    def arrive(**options: Any) -> Visitor:
        visitors.append(visit(browser, gateway.url, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        violations = visitor.page.evaluate("window.violations")
        visitor.page.context.close()
        assert [*violations, *visitor.complaints] == []


@pytest.fixture
def visitor(visiting: Visiting) -> Visitor:
    """Somebody with a wide screen, who wants less motion: to draw it takes CPU time."""
    return visiting(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")


@pytest.fixture
def inside(visitor: Visitor, gateway: GatewayProcess) -> Visitor:
    """The same, in the studio."""
    visitor.enter(gateway.demo_key)
    return visitor
