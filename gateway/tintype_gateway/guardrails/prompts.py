"""Prompts that a policy service has put in the place of the client's."""

from dataclasses import replace

from tintype_catalog.server_fields import refused_text
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.guardrails.protocol import Allow, Deny, Replace
from tintype_gateway.guardrails.service import PolicyFailure
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Candidate

REPLACED = "prompt=replaced"
"""The adjustment of a request whose prompt the policy service has replaced."""

UNREADABLE = "what no provider of the model would read as text"


def require_taken(plan: Plan, verdict: Allow | Deny | Replace) -> None:
    """Check that the model takes the prompt of a verdict.

    Raises:
        PolicyFailure: It does not.
    """
    if not isinstance(verdict, Replace):
        return
    if not plan.job.prompt:
        raise PolicyFailure("invalid", "not a verdict: a prompt for a request without one")
    most = plan.model.limits.max_prompt_characters
    if len(verdict.prompt) > most:
        raise PolicyFailure("invalid", f"not a verdict: a prompt above {most} characters")
    if not _readers(plan, verdict.prompt):
        raise PolicyFailure("invalid", f"not a verdict: a prompt with {UNREADABLE}")


def with_prompt(plan: Plan, prompt: str) -> Plan:
    """Return a plan with the prompt that the policy service has put in the place of its own.

    Servers that would not read all of it as text do not get it: words that are taken out of a
    prompt may leave a tag of a server behind.

    Raises:
        UnsupportedParameterError: All servers are such.
    """
    readers = _readers(plan, prompt)
    if not readers:
        raise UnsupportedParameterError(f"`prompt`: it has {UNREADABLE}", param="prompt")
    job = replace(plan.job, prompt=prompt, adjustments=(*plan.job.adjustments, REPLACED))
    return replace(plan, job=job, candidates=readers)


def _readers(plan: Plan, prompt: str) -> tuple[Candidate, ...]:
    """Return the candidates whose servers read a prompt as text."""
    return tuple(
        candidate
        for candidate in plan.candidates
        if (options := candidate.route.binding.api) is None or not refused_text([prompt], options)
    )
