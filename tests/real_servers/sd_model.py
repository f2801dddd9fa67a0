"""A Stable Diffusion 1 of random numbers, in the layout that stable-diffusion.cpp loads.

It is the smallest model that sd-server takes without weights that somebody trained: CLIP-L, the
UNet without its middle and every second block, and the tiny autoencoder. What it draws means
nothing, but it draws from the seed and the prompt, and edits what a mask says.
"""

import json
import math
import random
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

Shape = tuple[int, ...]
Tensors = dict[str, Shape]
"""Tensors by their names, with their shapes in PyTorch's order."""

WORDS, POSITIONS, TEXT = 49408, 77, 768
"""CLIP-L: its vocabulary, the tokens of a prompt, and the channels."""

TIME = 1280
"""Channels of what the UNet knows of the step."""

DOWN = ((1, 320, 320), (4, 320, 640), (7, 640, 1280))
UP = (
    *((0, 2560, 1280), (1, 1920, 1280), (3, 1920, 640)),
    *((4, 960, 640), (6, 960, 320), (7, 640, 320)),
)
"""Blocks of the UNet: a number, channels that come in, and channels that go out."""

PERIOD = 100_003
"""How many random numbers repeat in a tensor: a prime, so that no two rows of one are equal."""


def text_encoder() -> Tensors:
    """Return the tensors of CLIP-L."""
    top = "cond_stage_model.transformer.text_model"
    tensors: Tensors = {
        f"{top}.embeddings.token_embedding.weight": (WORDS, TEXT),
        f"{top}.embeddings.position_embedding.weight": (POSITIONS, TEXT),
    }
    for number in range(12):
        layer = f"{top}.encoder.layers.{number}"
        tensors |= norm(f"{layer}.layer_norm1", TEXT) | norm(f"{layer}.layer_norm2", TEXT)
        for part in ("q", "k", "v", "out"):
            tensors |= linear(f"{layer}.self_attn.{part}_proj", TEXT, TEXT)
        tensors |= linear(f"{layer}.mlp.fc1", TEXT, 4 * TEXT)
        tensors |= linear(f"{layer}.mlp.fc2", 4 * TEXT, TEXT)
    return tensors | norm(f"{top}.final_layer_norm", TEXT)


def unet() -> Tensors:
    """Return the tensors of what Stable Diffusion 1 makes of noise, in its tiny form."""
    top = "model.diffusion_model"
    tensors = linear(f"{top}.time_embed.0", 320, TIME) | linear(f"{top}.time_embed.2", TIME, TIME)
    tensors |= convolution(f"{top}.input_blocks.0.0", 4, 320)
    for number, inputs, outputs in DOWN:
        tensors |= _block(f"{top}.input_blocks.{number}", inputs, outputs)
    for number, inputs, outputs in UP:
        tensors |= _block(f"{top}.output_blocks.{number}", inputs, outputs)
    for name, channels in (("3.0.op", 320), ("6.0.op", 640)):
        tensors |= convolution(f"{top}.input_blocks.{name}", channels, channels)
    for name, channels in (("2.1.conv", 1280), ("5.2.conv", 640)):
        tensors |= convolution(f"{top}.output_blocks.{name}", channels, channels)
    return tensors | norm(f"{top}.out.0", 320) | convolution(f"{top}.out.2", 320, 4)


def autoencoder() -> Tensors:
    """Return the tensors of the tiny autoencoder, whose layers are numbered as in its source."""
    tensors = convolution("encoder.layers.0", 3, 64) | convolution("encoder.layers.14", 64, 4)
    tensors |= convolution("decoder.layers.0", 4, 64) | convolution("decoder.layers.18", 64, 3)
    resized = {"encoder": (2, 6, 10), "decoder": (6, 11, 16)}
    blocks = {
        "encoder": (1, 3, 4, 5, 7, 8, 9, 11, 12, 13),
        "decoder": (2, 3, 4, 7, 8, 9, 12, 13, 14, 17),
    }
    for half in ("encoder", "decoder"):
        for number in resized[half]:
            tensors |= convolution(f"{half}.layers.{number}", 64, 64, bias=False)
        for number in blocks[half]:
            for step in (0, 2, 4):
                tensors |= convolution(f"{half}.layers.{number}.conv.{step}", 64, 64)
    return tensors


def _block(name: str, inputs: int, outputs: int) -> Tensors:
    """Return a residual block and the attention behind it."""
    residual, attention = f"{name}.0", f"{name}.1"
    tensors = norm(f"{residual}.in_layers.0", inputs)
    tensors |= convolution(f"{residual}.in_layers.2", inputs, outputs)
    tensors |= linear(f"{residual}.emb_layers.1", TIME, outputs)
    tensors |= norm(f"{residual}.out_layers.0", outputs)
    tensors |= convolution(f"{residual}.out_layers.3", outputs, outputs)
    if inputs != outputs:
        tensors |= convolution(f"{residual}.skip_connection", inputs, outputs, width=1)
    for part in ("proj_in", "proj_out"):
        tensors |= convolution(f"{attention}.{part}", outputs, outputs, width=1)
    transformer = _transformer(f"{attention}.transformer_blocks.0", outputs)
    return tensors | norm(f"{attention}.norm", outputs) | transformer


def _transformer(name: str, channels: int) -> Tensors:
    tensors: Tensors = {}
    for attention, source in (("attn1", channels), ("attn2", TEXT)):
        tensors |= linear(f"{name}.{attention}.to_q", channels, channels, bias=False)
        tensors |= linear(f"{name}.{attention}.to_k", source, channels, bias=False)
        tensors |= linear(f"{name}.{attention}.to_v", source, channels, bias=False)
        tensors |= linear(f"{name}.{attention}.to_out.0", channels, channels)
    tensors |= linear(f"{name}.ff.net.0.proj", channels, 8 * channels)
    tensors |= linear(f"{name}.ff.net.2", 4 * channels, channels)
    for number in (1, 2, 3):
        tensors |= norm(f"{name}.norm{number}", channels)
    return tensors


def linear(name: str, inputs: int, outputs: int, *, bias: bool = True) -> Tensors:
    """Return a matrix, and what is added to its product."""
    return {f"{name}.weight": (outputs, inputs)} | ({f"{name}.bias": (outputs,)} if bias else {})


def convolution(
    name: str, inputs: int, outputs: int, *, width: int = 3, bias: bool = True
) -> Tensors:
    """Return a convolution of `width` by `width` pixels."""
    weight: Tensors = {f"{name}.weight": (outputs, inputs, width, width)}
    return weight | ({f"{name}.bias": (outputs,)} if bias else {})


def norm(name: str, channels: int) -> Tensors:
    """Return the scale and the shift of a normalization."""
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def write(path: Path, tensors: Tensors) -> None:
    """Write a file of safetensors: the header's length, a JSON header, and floats of 16 bits."""
    head, end = {}, 0
    for name, shape in tensors.items():
        start, end = end, end + 2 * math.prod(shape)
        head[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors.items():
            file.writelines(_numbers(name, shape))


def _numbers(name: str, shape: Shape) -> Iterator[bytes]:
    """Yield a tensor: a normalization that changes nothing, or random numbers that keep a scale."""
    count = math.prod(shape)
    if len(shape) == 1:
        yield struct.pack("<e", 1 if name.endswith("weight") else 0) * count
        return
    block = _random_numbers(math.prod(shape[1:]))
    for _ in range(count // PERIOD):
        yield block
    yield block[: 2 * (count % PERIOD)]


@cache
def _random_numbers(inputs: int) -> bytes:
    """Return numbers with which a sum over `inputs` values is about as large as each of them."""
    source = random.Random(inputs)  # noqa: S311 - no secrets
    spread = 1 / math.sqrt(inputs)
    return struct.pack(f"<{PERIOD}e", *(source.gauss(0, spread) for _ in range(PERIOD)))
