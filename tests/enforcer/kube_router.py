"""Finds, or builds once, kube-router, which enforces NetworkPolicies.

`python -m tests.enforcer.kube_router` builds it ahead of the tests and prints its path.
"""

import sys

from tintype_testing.cluster.building import BuildError, GoModule

KUBE_ROUTER = GoModule("github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", "v2.1.0")

if __name__ == "__main__":
    try:
        print(KUBE_ROUTER.build())
    except BuildError as error:
        sys.exit(str(error))
