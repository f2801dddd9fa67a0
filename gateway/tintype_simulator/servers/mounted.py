"""All servers, each below a path of its own: `/servers/vllm-omni/v1/images/generations`."""

from dataclasses import replace

from tintype_simulator.dialect import Dialect
from tintype_simulator.servers import localai, ollama, sdcpp, sglang, vllm_omni, xinference


def mounted(dialect: Dialect) -> Dialect:
    """Return a server's dialect with its paths below `/servers/` and its name."""
    base = f"/servers/{dialect.provider}"
    routes = ((method, base + path, handler) for method, path, handler in dialect.routes)
    return replace(dialect, routes=tuple(routes))


SERVERS: tuple[Dialect, ...] = (
    mounted(vllm_omni.DIALECT),
    mounted(sglang.DIALECT),
    mounted(localai.DIALECT),
    mounted(xinference.DIALECT),
    mounted(sdcpp.DIALECT),
    mounted(ollama.DIALECT),
)
"""Every simulated server of open models."""
