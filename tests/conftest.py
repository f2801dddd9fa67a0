"""What every folder of the tests may use."""

import gc
import os
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import pytest
from hypothesis import HealthCheck, settings

from tintype_gateway.ledger.sqlite import database
from tintype_testing.cluster.processes import fork_commands

pytest_plugins = [
    "tests.charts.fixtures",
    "tests.cluster.fixtures",
    "tintype_testing.postgres",
    "tintype_testing.previous_release",
    "tintype_testing.s3",
]

# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("tintype", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tintype")

LONG = (
    "tests/chaos/",
    "tests/cluster/test_accounts.py",
    "tests/cluster/test_large_catalogs.py",
    "tests/crds/test_api_server.py",
    "tests/gateway/api/openapi/test_conformance.py",
    "tests/gateway/clients/",
    "tests/gateway/torture/",
    "tests/operator/status/test_delivery.py",
    "tests/pages/test_cluster_pages.py",
    "tests/playground/",
    "tests/release/",
    "tests/scaling/test_day.py",
    "tests/test_editing.py",
)
"""The files that take longest."""


def pytest_configure() -> None:
    """Import the program once for all the commands that tests start."""
    fork_commands()
    # At its import jsonschema would compile grammars of IRIs for 3 s, a format that no test has.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def pytest_collection() -> None:
    """Collect without the garbage collector: nearly all that is made stays until the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Exclude modules and tests from collections, each of which would walk all of them again."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(scope="session", autouse=True)
def no_public_roots() -> Iterator[None]:
    """Leave the machine's roots of trust unread: they vouch for no server of a test, and every
    client of OpenAI, Google or AWS would read them anew for 20 ms of CPU."""
    paths = ssl.get_default_verify_paths()
    files = {paths.cafile, paths.openssl_cafile, certifi.where(), os.environ.get("SSL_CERT_FILE")}
    load = ssl.SSLContext.load_verify_locations

    def load_own(context: ssl.SSLContext, cafile: Any = None, *others: Any, **named: Any) -> None:
        if cafile is None or cafile not in files:
            load(context, cafile, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_verify_locations", load_own)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Create the schema of a SQLite ledger once in a process, and copy the file for each test.

    Thousands of tests have a ledger of their own, and its schema takes 40 ms of CPU.
    """
    create = database._create

    @cache
    def empty() -> bytes:
        path = tmp_path_factory.mktemp("empty") / "ledger.db"
        create(path)
        return path.read_bytes()

    def copy(path: Path) -> None:
        path.write_bytes(empty())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_create", copy)
        yield
