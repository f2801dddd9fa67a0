"""The node's network: a bridge of its own, from which nothing leaves the machine."""

from pathlib import Path

from tests.node.commands import attempt, run
from tintype_testing.cluster.control_plane import SERVICES

BRIDGE = "tintype0"

ADDRESS = "10.244.0.1"
"""Of this machine for the pods: the API server, the DNS and the kubelet listen here."""

POD_RANGE = "10.244.0.0/24"

FIRST_POD = "10.244.0.10"

HARDWARE_ADDRESS = "02:00:0a:f4:00:01"
"""Of the bridge. By itself a bridge takes the lowest among the pods on it, another one when that
pod goes; the pods that stay then send to the old one, which nobody answers to, for seconds."""

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")

FENCE = f"""
table inet tintype {{
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{BRIDGE}" oifname != "{BRIDGE}" drop
    oifname "{BRIDGE}" iifname != "{BRIDGE}" drop
  }}
}}
"""

TABLES = ("inet tintype", "ip kube-proxy", "ip6 kube-proxy")


class Network:
    """The bridge, the routes and the fence around them."""

    def __init__(self) -> None:
        self._forwarding = FORWARDING.read_text()

    def up(self) -> None:
        """Make it, in the place of what a killed run has left."""
        self._remove()
        run("ip", "link", "add", BRIDGE, "address", HARDWARE_ADDRESS, "type", "bridge")
        run("ip", "address", "add", f"{ADDRESS}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        # The address of a Service without a rule must not leave by the default route.
        run("ip", "route", "replace", SERVICES, "dev", BRIDGE, "src", ADDRESS)
        run("nft", "-f", "-", stdin=FENCE)
        FORWARDING.write_text("1")

    def down(self) -> None:
        """Leave the machine as it was."""
        self._remove()
        FORWARDING.write_text(self._forwarding)

    def _remove(self) -> None:
        for table in TABLES:
            attempt("nft", "delete", "table", *table.split())
        attempt("ip", "link", "delete", BRIDGE)
