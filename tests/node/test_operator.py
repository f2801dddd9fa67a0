"""Gateways continue to serve when the operator is killed, and the next operator takes over."""

import os
import signal

from tests.node import cgroups
from tests.node.figures import Figures
from tests.node.release import Release, response_status, simulated
from tintype_testing.chart import Object
from tintype_testing.manifests import image_model
from tintype_testing.waiting import eventually_blocking


def program(pod: Object) -> int:
    """The process id of a pod's program on this machine."""
    pids = cgroups.processes_of_pod(pod["metadata"]["uid"])
    return max(pids, key=lambda pid: len(cgroups.command_line(pid)))


def test_gateways_continue_to_serve_and_the_next_operator_takes_over(
    quick_start: Release, figures: Figures
) -> None:
    quick_start.apply(image_model("triptych"), simulated("triptych"))
    quick_start.wait_for(200, "triptych")
    (operator,) = quick_start.pods("operator")

    os.kill(program(operator), signal.SIGKILL)

    with quick_start.client() as client:
        assert response_status(client, "triptych") == 200
    with figures.timed("operator killed to its next change served"):
        quick_start.apply(simulated("triptych", active=False))
        quick_start.wait_for(400, "triptych")


def test_a_deleted_operator_is_replaced(quick_start: Release) -> None:
    (old,) = quick_start.uids("operator")

    quick_start.kubectl("delete", "pod", "-l=app.kubernetes.io/component=operator", "--now")
    eventually_blocking(lambda: quick_start.uids("operator") - {old}, "another operator")
    quick_start.wait_until_available()
    quick_start.apply(image_model("diptych"), simulated("diptych"))

    quick_start.wait_for(200, "diptych")
