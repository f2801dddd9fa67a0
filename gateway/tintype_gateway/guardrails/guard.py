"""What follows from a verdict of the policy service, and from none."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter

from tintype_gateway.errors import ContentPolicyError, UnavailableError
from tintype_gateway.guardrails.images import (
    input_described,
    input_previews,
    output_described,
    preview_bytes,
)
from tintype_gateway.guardrails.prompts import require_taken, with_prompt
from tintype_gateway.guardrails.protocol import (
    IMAGES_VERDICTS,
    PROMPT_VERDICTS,
    Allow,
    Deny,
    ImagesCheck,
    PolicyImage,
    PromptCheck,
    Replace,
)
from tintype_gateway.guardrails.service import PolicyFailure, PolicyService
from tintype_gateway.guardrails.settings import ImageDetail
from tintype_gateway.images.converter import Converter
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.ledger.interface import Caller
from tintype_gateway.observability import spans
from tintype_gateway.observability.metrics import GUARDRAIL_SECONDS, GUARDRAIL_VERDICTS
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.request_context import RequestContext
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.values.content import InputImage, Upload
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.plan import Delivery, Plan

log = logging.getLogger(__name__)

MEMORY_SECONDS = 5.0
"""How long a request waits for the memory in which a preview is made."""

CheckName = Literal["prompt", "images"]

AnyVerdict = TypeVar("AnyVerdict", bound=Allow | Deny | Replace)


@dataclass(frozen=True)
class Guardrail:
    """The policy service of one gateway, and how its verdicts are asked for."""

    service: PolicyService
    converter: Converter
    memory: MemoryBudget
    inputs: ImageDetail = "none"
    outputs: ImageDetail = "none"
    """Not `none` where the service judges images before they are delivered."""

    fails_open: bool = False
    """Whether a request without a verdict passes."""

    def buffered(self, plan: Plan, caller: Caller) -> Plan:
        """Return the plan of a request whose images are judged, if they are, before delivery."""
        if self.outputs == "none" or caller.guardrail_exempt:
            return plan
        job, delivery = plan.job, plan.delivery
        if job.partial_images:
            change = f"partial_images={job.partial_images}->0"
            job = replace(job, partial_images=0, adjustments=(*job.adjustments, change))
        if delivery is Delivery.PASS_THROUGH:
            delivery = Delivery.BUFFERED
        return replace(plan, job=job, delivery=delivery, checks_images=True)

    async def admitted(
        self, plan: Plan, caller: Caller, request_id: str, request_log: RequestLog
    ) -> Plan:
        """Return the plan of a request that the policy service admits, perhaps with a new prompt.

        Raises:
            ContentPolicyError: It denies the request.
            OverloadedError: There is no memory for a preview.
            UnavailableError: There is no verdict, and the gateway fails closed.
        """
        if caller.guardrail_exempt:
            _note("prompt", "exempt", request_log)
            return plan
        plan = self.buffered(plan, caller)
        question = PromptCheck(
            request_id=request_id,
            operation=plan.operation.name,
            model=plan.model.id,
            account=caller.account,
            user=plan.user,
            prompt=plan.job.prompt,
            parameters=_parameters(plan),
            images=await self._inputs(plan),
        )
        try:
            verdict = await self._verdict(
                "prompt", question, PROMPT_VERDICTS, request_log, partial(require_taken, plan)
            )
        except PolicyFailure as failure:
            raise _unavailable() from failure
        if verdict is None:
            return plan
        if isinstance(verdict, Deny):
            raise ContentPolicyError(verdict.message, param="prompt")
        if isinstance(verdict, Replace):
            plan = with_prompt(plan, verdict.prompt)
        request_log.note_plan(plan)
        return plan

    async def judge(self, context: RequestContext, call: FinishedCall) -> None:
        """Have the images of a call judged, before anything of them is stored or delivered.

        Raises:
            UpstreamFault: They are denied, or there is no verdict and the gateway fails closed.
                They are not delivered, and not charged.
        """
        if not call.images:
            return
        plan = context.plan
        question = ImagesCheck(
            request_id=context.request_id,
            operation=plan.operation.name,
            model=plan.model.id,
            account=context.account,
            user=plan.user,
            prompt=plan.job.prompt,
            parameters=_parameters(plan),
            images=await self._outputs(call),
        )
        try:
            verdict = await self._verdict("images", question, IMAGES_VERDICTS, context.log)
        except PolicyFailure as failure:
            message = "the images cannot be judged by this gateway's policy, and are withheld"
            raise UpstreamFault("unjudged", message) from failure
        if isinstance(verdict, Deny):
            raise UpstreamFault("denied", verdict.message)

    async def _verdict(
        self,
        check: CheckName,
        question: PromptCheck | ImagesCheck,
        verdicts: TypeAdapter[AnyVerdict],
        request_log: RequestLog,
        require: Callable[[AnyVerdict], None] = lambda _: None,
    ) -> AnyVerdict | None:
        """Return the verdict on a question; None without one, where the gateway fails open.

        Args:
            check: What is judged.
            question: The question.
            verdicts: The verdicts that there are.
            request_log: Where the verdict is noted.
            require: Raises `PolicyFailure` for a verdict that cannot be carried out.

        Raises:
            PolicyFailure: There is none, and the gateway fails closed.
        """
        try:
            async with _observed(check, question.request_id) as observed:
                verdict = await self.service.ask(question, verdicts)
                require(verdict)
                observed.outcome = verdict.verdict
        except PolicyFailure:
            _note(check, "failed_open" if self.fails_open else "failed_closed", request_log)
            if not self.fails_open:
                raise
            return None
        _note(check, verdict.verdict, request_log)
        return verdict

    async def _inputs(self, plan: Plan) -> tuple[PolicyImage, ...]:
        if self.inputs == "none":
            return ()
        return tuple(
            [await self._input(index, image) for index, image in enumerate(plan.job.inputs)]
        )

    async def _input(self, index: int, image: InputImage) -> PolicyImage:
        described = await self.converter.run(input_described, index, image)
        if self.inputs != "preview":
            return described
        upload = Upload(image.content, f"image[{index}]")
        try:
            facts = await self.converter.run(inspect_input, upload)
        except InputImageError:  # a format that only the provider reads
            return described
        async with self.memory.reserved_soon(preview_bytes(facts), MEMORY_SECONDS):
            previews = await self.converter.run(input_previews, image.content, facts)
        return described.model_copy(update=previews._asdict())

    async def _outputs(self, call: FinishedCall) -> tuple[PolicyImage, ...]:
        describe = partial(output_described, with_preview=self.outputs == "preview")
        try:
            return tuple(
                [
                    await self.converter.run(describe, call.first + number, image)
                    for number, image in enumerate(call.images)
                ]
            )
        except ValueError as error:
            message = f"the provider's response is not an image: {error}"
            raise UpstreamFault("outcome_unknown", message) from error


def _parameters(plan: Plan) -> dict[str, Any]:
    """Return the other values that the provider gets, which come from JSON."""
    return {**plan.job.parameters, **plan.job.extras}


def _unavailable() -> UnavailableError:
    return UnavailableError(
        "the policy service of this gateway gives no verdict; no image was requested",
        code="guardrail_unavailable",
        retry=True,
        retry_after_seconds=1,
    )


@dataclass
class _Observed:
    outcome: str


@asynccontextmanager
async def _observed(check: CheckName, request_id: str) -> AsyncIterator[_Observed]:
    """Observe the question that the block asks: its span, its duration, and why it failed."""
    observed, started = _Observed("cancelled"), time.perf_counter()
    try:
        with spans.stage("guardrail"):
            yield observed
    except PolicyFailure as failure:
        observed.outcome = failure.kind
        extra = {
            "request_id": request_id,
            "check": check,
            "outcome": failure.kind,
            "cause": str(failure),
        }
        log.warning("no verdict of the policy service", extra=extra)
        raise
    finally:
        seconds = time.perf_counter() - started
        GUARDRAIL_SECONDS.labels(check, observed.outcome).observe(seconds, spans.exemplar())


def _note(check: CheckName, verdict: str, request_log: RequestLog) -> None:
    GUARDRAIL_VERDICTS.labels(check, verdict).inc()
    if check == "prompt":
        request_log.guardrail = verdict
    else:
        request_log.guardrail_images = verdict
