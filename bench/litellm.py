"""LiteLLM's proxy as a peer: installed once from a lock, and pointed at the upstream.

It needs nothing but its packages: a master key, no database, no callbacks. Its list of prices is
the one in its package, so that it calls nobody but the upstream.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

import yaml

from bench.cases import SIZES, model_id, upstream_prefix
from bench.catalog import DELAY_MS
from bench.targets import Target
from tintype_testing.cluster.building import cache, filled
from tintype_testing.cluster.processes import free_ports, start

LOCK = Path(__file__).with_name("litellm.txt")
"""What is installed: LiteLLM and all that it needs, with hashes."""

START_SECONDS = 120
"""A bound, not an expectation: it imports for half a minute on a busy machine."""

_KEY = "sk-benchmark"


def version() -> str:
    """Return the version in the lock."""
    found = re.search(r"^litellm\[proxy\]==(\S+)", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{LOCK} does not lock litellm[proxy]")
    return found[1]


def configuration(upstream: str) -> str:
    """Return the proxy's configuration, with a model for each response of OpenAI's dialect."""
    responses = [(size, 0) for size in SIZES.values()] + [(SIZES["1.5 MiB"], DELAY_MS)]
    models = [_model(upstream, *response) for response in responses]
    settings = {"general_settings": {"master_key": _KEY}, "litellm_settings": {"telemetry": False}}
    return yaml.safe_dump({"model_list": models, **settings})


def _model(upstream: str, image_bytes: int, delay_ms: int) -> dict[str, object]:
    prefix = upstream_prefix("openai-images", image_bytes, delay_ms)
    return {
        "model_name": model_id("openai-images", image_bytes, delay_ms),
        "litellm_params": {
            "model": "openai/gpt-image-1",
            "api_base": f"{upstream}{prefix}/v1",
            "api_key": "benchmark",
        },
        "model_info": {"mode": "image_generation"},
    }


@contextmanager
def litellm(upstream: str) -> Iterator[Target]:
    """Run the proxy with one worker.

    Raises:
        subprocess.CalledProcessError: It cannot be installed.
    """
    packages = filled(cache() / "litellm" / _digest(), _install)
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(configuration(upstream))
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "PYTHONPATH": str(packages),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        process = start(
            folder / "log",
            *(_python(), "-m", "litellm.proxy.proxy_cli"),
            *("--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)),
            environ=environ,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            process.wait_until(lambda: _is_ready(url), START_SECONDS, "readiness")
            yield Target(f"LiteLLM {version()}", url, process.popen.pid, _KEY, is_gateway=True)
        finally:
            process.stop()


def _install(folder: Path) -> None:
    subprocess.run(  # noqa: S603 - ours
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--target", folder, "-r", LOCK),
        ],
        check=True,
    )


def _digest() -> str:
    return sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]


def _python() -> Path:
    """Return the interpreter without the packages of this environment."""
    return Path(sys.base_prefix) / "bin" / "python3"


def _is_ready(url: str) -> bool:
    with suppress(OSError), urlopen(f"{url}/health/liveliness", timeout=1):  # noqa: S310 - ours
        return True
    return False
