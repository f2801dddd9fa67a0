"""The node's network: a separate bridge, from which no packet leaves the machine."""

from pathlib import Path

from tests.node.commands import attempt, run
from tintype_testing.cluster.control_plane import SERVICES

BRIDGE = "tintype0"

ADDRESS = "10.244.0.1"
"""The machine's address for pods: the API server, the DNS and the kubelet listen on it."""

POD_RANGE = "10.244.0.0/24"

FIRST_POD = "10.244.0.10"

HARDWARE_ADDRESS = "02:00:0a:f4:00:01"
"""The bridge's own MAC address. By default a bridge has the lowest address of the pods on it, and
another one when that pod stops; the remaining pods then send to the old address for seconds."""

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
    """The bridge, the routes and the firewall rules around them."""

    def __init__(self) -> None:
        self._forwarding = FORWARDING.read_text()

    def up(self) -> None:
        """Create the network, and remove what a killed run has left."""
        self._remove()
        run("ip", "link", "add", BRIDGE, "address", HARDWARE_ADDRESS, "type", "bridge")
        run("ip", "address", "add", f"{ADDRESS}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        # The address of a Service without a rule must not leave by the default route.
        run("ip", "route", "replace", SERVICES, "dev", BRIDGE, "src", ADDRESS)
        run("nft", "-f", "-", stdin=FENCE)
        FORWARDING.write_text("1")

    def down(self) -> None:
        """Remove the network."""
        self._remove()
        FORWARDING.write_text(self._forwarding)

    def _remove(self) -> None:
        for table in TABLES:
            attempt("nft", "delete", "table", *table.split())
        attempt("ip", "link", "delete", BRIDGE)
