"""What OpenTelemetry's conventions for generative AI call what we do."""

from tintype_catalog.catalog import Binding
from tintype_catalog.providers import SERVICES


def gen_ai_provider(binding: Binding) -> str:
    """Return the conventions' name of who serves a binding: the service whose protocol it speaks,
    since the conventions know no label of our own."""
    return SERVICES[binding.dialect].telemetry_name
