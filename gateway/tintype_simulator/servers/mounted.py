"""All servers, each below a path of its own: `/servers/vllm-omni/v1/images/generations`."""

from tintype_simulator.dialect import Dialect, mounted
from tintype_simulator.servers import localai, ollama, sdcpp, sglang, vllm_omni, xinference

SERVERS: tuple[Dialect, ...] = (
    mounted("servers", vllm_omni.DIALECT),
    mounted("servers", sglang.DIALECT),
    mounted("servers", localai.DIALECT),
    mounted("servers", xinference.DIALECT),
    mounted("servers", sdcpp.DIALECT),
    mounted("servers", ollama.DIALECT),
)
"""Every simulated server of open models."""
