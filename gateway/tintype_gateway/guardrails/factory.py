"""Opens the guardrail of a gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.guardrails.guard import Guardrail
from tintype_gateway.guardrails.service import PolicyService
from tintype_gateway.guardrails.settings import GuardrailSettings
from tintype_gateway.images.converter import Converter
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.endpoints import SecretsFile


@asynccontextmanager
async def open_guardrail(
    settings: GuardrailSettings, policy: EgressPolicy, converter: Converter, memory: MemoryBudget
) -> AsyncIterator[Guardrail | None]:
    """Give the guardrail of the settings; None without a policy service.

    Raises:
        OSError: The file with the secrets cannot be read.
        ValueError: It has no secret, or a line that is none.
    """
    url, path = settings.guardrail_url, settings.guardrail_secrets_file
    if not url or path is None:
        yield None
        return
    secrets = SecretsFile(path, "the guardrail")
    secrets.load()
    async with open_session(policy.to_webhook(url)) as session:
        service = PolicyService(url, secrets, session, settings.guardrail_timeout_seconds)
        yield Guardrail(
            service,
            converter,
            memory,
            inputs=settings.guardrail_input_images,
            outputs=settings.guardrail_output_images,
            fails_open=settings.guardrail_on_failure == "open",
        )
