"""The configuration files of the node's programs."""

from pathlib import Path
from typing import Any

from tests.node import cgroups
from tests.node.network import ADDRESS, POD_RANGE
from tintype_testing.cluster.pki import Pki

NAME = "node"

DOMAIN = "cluster.local"

SYNC_FREQUENCY = "1s"
"""The kubelet's sync period for pods and mounted Secrets. The default is a minute; a user of the
mounts waits up to 90 s for what these tests wait for a second."""


def kubelet(folder: Path, pki: Pki, socket: Path) -> dict[str, Any]:
    """The kubelet's configuration, for cgroups of either version."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.certificate("kubelet")),
        "tlsPrivateKeyFile": str(pki.key("kubelet")),
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.ROOT}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # to lower it takes CAP_SYS_RESOURCE
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": str(folder / "resolv.conf"),
        "makeIPTablesUtilChains": False,
        "syncFrequency": SYNC_FREQUENCY,
        "nodeStatusUpdateFrequency": "5s",
        # An image that is collected cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
        "podLogsDir": str(folder / "pod-logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
    }


def kube_proxy(kubeconfig: Path) -> dict[str, Any]:
    """The configuration of kube-proxy, which forwards the addresses of Services to pods."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NAME,
        "bindAddress": ADDRESS,
        "healthzBindAddress": f"{ADDRESS}:10256",
        "metricsBindAddress": f"{ADDRESS}:10249",
        "nodePortAddresses": [POD_RANGE],
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0},
        "nftables": {"minSyncPeriod": "0s", "syncPeriod": "30s"},
    }


def corefile(kubeconfig: Path, ready_port: int) -> str:
    """The configuration of CoreDNS: names of Services, and no others."""
    return f"""\
.:53 {{
  bind {ADDRESS}
  errors
  ready 127.0.0.1:{ready_port}
  kubernetes {DOMAIN} {{
    kubeconfig {kubeconfig}
    ttl 5
  }}
}}
"""


DNS_RIGHTS = [
    {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    },
]
