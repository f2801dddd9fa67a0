"""Fields of image servers that a client must not fill in, and which of them a binding takes.

Servers of open models take fields that name files, URLs, devices, weights and scripts of the
server, or that make a call cost many times as much. The names are those of vLLM-Omni, SGLang,
LocalAI, Xinference, stable-diffusion.cpp, Dynamo, LiteLLM, xAI and the web UIs of Stable Diffusion,
and of the models at fal and Replicate, where fields also call webhooks and turn moderation off.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from tintype_catalog.api_options import ApiOptions
from tintype_catalog.model_input import ModelInput
from tintype_catalog.providers import Dialect

PROMPT_TAG = "sd_cpp_extra_args"
"""What stable-diffusion.cpp reads from a prompt: a tag with any of its settings, paths included."""

_PARTS = frozenset(
    {
        *{"path", "paths", "url", "urls", "uri", "file", "files", "filename", "dir", "folder"},
        *{"lora", "loras", "weights", "checkpoint", "ckpt", "vae", "controlnet", "upscaler"},
        *{"device", "script", "scripts", "workflow", "template", "override", "overrides"},
        *{"webhook", "webhooks", "safety", "moderation", "finetune"},
    }
)
"""Words that no part of a name between underscores may be."""

_NAMES = frozenset(
    {
        *{"image", "images", "mask", "mask_image", "reference_image", "ref_images", "init_images"},
        *{"input_reference", "init_image", "control_image", "extra_params", "extra_args"},
        *{"extra_body", "kwargs", "diffusers_kwargs", "model", "api_base", "api_key", "base_url"},
        *{"mock_response", "metadata", "system_prompt", "use_system_prompt", "bot_task"},
        *{"return_stage_metrics", "layers", "enable_upscaling", "upscaling_scale", "num_frames"},
        *{"cache_dit_params", "task_type", "enable_hr", "hires", "styles", "infotext"},
        *{"save_images", "custom_sigmas", "attention_backend_override", PROMPT_TAG},
        *{"input_image", "input_images", "image_input", "image_prompt", "redux_image"},
        *{"sync_mode", "num_images", "num_outputs", "storage_options"},
    }
)
"""Further names: images that would be fetched, settings as a whole, and work that multiplies."""

GUARDED: frozenset[Dialect] = frozenset(
    {"xai-images", "vertex-predict", "vertex-generate-content", "bfl"}
)
"""Dialects whose dangerous fields no client may fill in, whatever a binding says.

xAI's `storage_options` and `public_url` keep and publish images, and its `image` fetches a URL.
Vertex AI writes by `storageUri` to any bucket that the gateway may write to. Black Forest Labs
calls a `webhook_url`, and fetches URLs in `input_image` and the fields beside it.
"""

NOTHING_LISTED = ApiOptions()
"""The options of a binding that lets clients fill in no dangerous field."""

_PREFIXES = (
    *("progressive_", "refiner_", "hr_", "alwayson_", "override_", "vae_", "input_image"),
    "image_prompt",
)

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def is_dangerous(name: str) -> bool:
    """Return whether a field of this name must be listed by a binding before clients may send it.

    Upper case begins a new word: `loraPath` is as `lora_path`.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    snake = "_".join(words)
    return snake in _NAMES or snake.startswith(_PREFIXES) or not _PARTS.isdisjoint(words)


def refused_fields(given: Mapping[str, object], options: ApiOptions | ModelInput) -> Iterator[str]:
    """Yield the paths of the provider parameters that a server must not get from a client."""
    listed = options.allowed_fields
    for name, value in given.items():
        if listed is None or name in listed:
            yield from _dangerous(name, value, listed or ())
        else:
            yield from _unlisted(name, value, listed)


def refused_text(texts: Collection[str], options: ApiOptions) -> str | None:
    """Return what a server would not read as text in one of these prompts, None if nothing."""
    for refused in (PROMPT_TAG, *options.refused_in_prompts):
        if any(refused.lower() in text.lower() for text in texts):
            return refused
    return None


def _unlisted(name: str, value: object, listed: Collection[str]) -> Iterator[str]:
    """Yield a field of which at most some sub-fields are listed."""
    if any(path.startswith(f"{name}.") for path in listed) and isinstance(value, Mapping):
        for inner in value:
            if f"{name}.{inner}" not in listed:
                yield f"{name}.{inner}"
    else:
        yield name


def _dangerous(path: str, value: object, listed: Collection[str]) -> Iterator[str]:
    if path.count(".") and path in listed:
        return
    if path not in listed and is_dangerous(path.rpartition(".")[2]):
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _dangerous(f"{path}.{name}", inner, listed)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _dangerous(path, inner, listed)
