"""The tasks of each wire protocol, and their requirements.

The facts are those of the providers' documentation: AWS's pages on Titan, Nova Canvas and the
Stability services, OpenAI's, Google's and xAI's API references.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from tintype_catalog.operations import OperationName, OperationRule
from tintype_catalog.providers import Dialect

Need = Literal["Required", "Optional", "None"]


class Task(NamedTuple):
    """The requirements of a task."""

    prompt: Need = "Required"
    min_images: int = 1
    max_images: int = 1
    takes_mask: bool = False


_PROMPTED = Task()
_UNPROMPTED = Task(prompt="None")
_MASKED = Task(takes_mask=True)

_AMAZON_EDITS: Mapping[str | None, Task] = {
    "INPAINTING": Task(prompt="Optional", takes_mask=True),
    "OUTPAINTING": _MASKED,
    "IMAGE_VARIATION": Task(prompt="Optional", max_images=5),
    "TEXT_IMAGE": _PROMPTED,
    "COLOR_GUIDED_GENERATION": _PROMPTED,
    "BACKGROUND_REMOVAL": _UNPROMPTED,
    "VIRTUAL_TRY_ON": Task(prompt="None", min_images=2, max_images=2, takes_mask=True),
}

_STABILITY_EDITS: Mapping[str | None, Task] = {
    "image-to-image": _PROMPTED,
    "inpaint": _MASKED,
    "erase-object": Task(prompt="None", takes_mask=True),
    "outpaint": Task(prompt="Optional"),
    "search-replace": _PROMPTED,
    "search-recolor": _PROMPTED,
    "remove-background": _UNPROMPTED,
    "control-sketch": _PROMPTED,
    "control-structure": _PROMPTED,
    "style-guide": _PROMPTED,
    "style-transfer": Task(prompt="Optional", min_images=2, max_images=2),
    "creative-upscale": _PROMPTED,
    "conservative-upscale": _PROMPTED,
    "fast-upscale": _UNPROMPTED,
}

_OPENAI_EDITS: Mapping[str | None, Task] = {None: Task(max_images=16, takes_mask=True)}

_HOSTED_EDITS: Mapping[str | None, Task] = {
    None: Task(prompt="Optional", max_images=16, takes_mask=True)
}
"""Whatever the hosted model takes: `input` of the binding says it."""

_BFL_EDITS: Mapping[str | None, Task] = {
    None: Task(max_images=8),
    "fill": Task(takes_mask=True),
}

_GENERATION: Mapping[str | None, Task] = {None: Task(min_images=0, max_images=0)}


def _tasks(edits: Mapping[str | None, Task]) -> Mapping[OperationName, Mapping[str | None, Task]]:
    return {"generation": _GENERATION, "edit": edits, "variation": edits}


TASKS: Mapping[Dialect, Mapping[OperationName, Mapping[str | None, Task]]] = {
    "openai-images": {
        **_tasks(_OPENAI_EDITS),
        "variation": {**_OPENAI_EDITS, "variations": _UNPROMPTED},
    },
    "azure-openai": _tasks(_OPENAI_EDITS),
    "bedrock-amazon": {
        **_tasks(_AMAZON_EDITS),
        "generation": {
            **_GENERATION,
            "TEXT_IMAGE": _GENERATION[None],
            "COLOR_GUIDED_GENERATION": _GENERATION[None],
        },
    },
    "bedrock-stability": _tasks(_STABILITY_EDITS),
    "google-predict": {"generation": _GENERATION},
    "google-generate-content": _tasks({None: Task(max_images=14)}),
    "vertex-predict": {"generation": _GENERATION},
    "vertex-generate-content": _tasks({None: Task(max_images=14)}),
    "xai-images": _tasks({None: Task(max_images=3)}),
    "fal": _tasks(_HOSTED_EDITS),
    "replicate": _tasks(_HOSTED_EDITS),
    "bfl": _tasks(_BFL_EDITS),
}
"""The tasks of each operation of a dialect. None means that the dialect names no task."""


def task_problems(dialect: Dialect, name: OperationName, rule: OperationRule) -> Iterator[str]:
    """Yield the reasons why a dialect cannot carry out an operation by its rule."""
    tasks = TASKS[dialect].get(name)
    if tasks is None:
        yield f"the dialect {dialect} has no `{name}`"
    elif rule.task not in tasks:
        known = ", ".join(sorted(task for task in tasks if task is not None))
        allowed = [
            *(["left out"] if None in tasks else []),
            *([f"one of {known}"] if known else []),
        ]
        yield f"`{name}.task` must be {' or '.join(allowed)} for the dialect {dialect}"
    else:
        yield from _misfits(tasks[rule.task], name, rule)


def _misfits(task: Task, name: OperationName, rule: OperationRule) -> Iterator[str]:
    what = "the dialect" if rule.task is None else rule.task
    if not task.min_images <= rule.min_images <= rule.max_images <= task.max_images:
        yield (
            f"`{name}` takes from {rule.min_images} to {rule.max_images} images, "
            f"and {what} from {task.min_images} to {task.max_images}"
        )
    if rule.mask != "None" and not task.takes_mask:
        yield f"`{name}.mask` must be None: {what} takes none"
    is_sent = rule.prompt != "None" or rule.default_prompt is not None
    if task.prompt == "None" and is_sent:
        yield f"`{name}.prompt` must be None, without a `defaultPrompt`: {what} takes none"
    may_lack = rule.prompt != "Required" and rule.default_prompt is None
    if task.prompt == "Required" and may_lack:
        yield f"`{name}` needs `defaultPrompt`, or prompt Required: {what} needs a prompt"
