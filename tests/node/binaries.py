"""Builds the programs of a node except containerd, once.

`python -m tests.node.binaries` builds them ahead of the tests.
"""

import sys
from pathlib import Path

from tintype_testing.cluster.building import (
    KUBERNETES_VERSION,
    BuildError,
    GoProgram,
    kubernetes_variables,
)

HERE = Path(__file__).parent

NODE_PROGRAMS = GoProgram(
    "nodeprograms",
    HERE / "kubernetes",
    names=("kubelet", "kube-proxy", "kube-scheduler"),
    version=KUBERNETES_VERSION,
    variables=kubernetes_variables(),
)

COREDNS = GoProgram("coredns", HERE / "coredns")

PAUSE = GoProgram("pause", HERE / "pause")

PROGRAMS = (NODE_PROGRAMS, COREDNS, PAUSE)


if __name__ == "__main__":
    try:
        for program in PROGRAMS:
            print(program.build())
    except BuildError as error:
        sys.exit(str(error))
