"""Running gateways serve applied objects within seconds."""

from tests.node.figures import Figures
from tests.node.release import TIMEOUT, Release, simulated
from tintype_testing.manifests import image_model


def test_a_new_model_is_served_without_a_restart(quick_start: Release, figures: Figures) -> None:
    before = quick_start.uids("gateway")
    quick_start.apply(image_model("canvas"))

    with figures.timed("binding applied to its first image"):
        quick_start.apply(simulated("canvas"))
        quick_start.wait_for(200, "canvas")

    assert quick_start.uids("gateway") == before


def test_a_binding_that_is_switched_off_is_refused(quick_start: Release) -> None:
    quick_start.apply(image_model("sketch"), simulated("sketch"))
    quick_start.wait_for(200, "sketch")

    quick_start.apply(simulated("sketch", active=False))

    quick_start.wait_for(400, "sketch")


def test_a_model_is_ready_once_gateways_serve_it(quick_start: Release) -> None:
    old = quick_start.uids("gateway")
    quick_start.kubectl("scale", "deploy/tintype-gateway", "--replicas=0")
    quick_start.wait_until_gone(old)
    quick_start.apply(image_model("fresco"), simulated("fresco"))
    quick_start.kubectl("wait", "--for=condition=Ready=Unknown", TIMEOUT, "im/fresco")

    quick_start.kubectl("scale", "deploy/tintype-gateway", "--replicas=1")

    quick_start.wait_until_ready("im/fresco")
    quick_start.wait_for(200, "fresco")
