"""One gateway for all pages, and shells for their commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.shell import Shell, programs
from tintype_testing.gateway_process import GatewayProcess, running_process

ADMIN_TOKEN = "admin-token-of-the-pages-0123456789"


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `tintype` for the PATH of a shell."""
    with programs(tmp_path_factory.mktemp("bin")) as folder:
        yield folder


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """What `make run` starts, with a token for the admin API."""
    environ = {"TINTYPE_ADMIN_TOKEN": ADMIN_TOKEN}
    folder = tmp_path_factory.mktemp("gateway")
    with running_process(folder, "--simulate", "--demo", environ=environ) as gateway:
        yield gateway


@pytest.fixture
def shell(gateway: GatewayProcess, path: Path, tmp_path: Path) -> Shell:
    """A shell in a folder that has the data of the gateway, as that of a reader has."""
    (tmp_path / ".tintype").symlink_to(gateway.folder / ".tintype")
    return Shell(
        tmp_path,
        [path],
        {
            "TINTYPE_BASE_URL": gateway.url,
            "TINTYPE_API_KEY": gateway.demo_key,
            "TOKEN": ADMIN_TOKEN,
            "ADMIN": gateway.admin_url,
        },
    )
