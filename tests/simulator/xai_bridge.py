"""xAI's gRPC service for images before the simulated REST API, so that xai-sdk can judge it.

The SDK speaks gRPC only. Each message is turned into the JSON of the REST API, whose fields have
the same names, and the response into the SDK's message.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from xai_sdk.proto import image_pb2, image_pb2_grpc

from tintype_testing.http import http_client

RATIO, RESOLUTION = image_pb2.ImageAspectRatio, image_pb2.ImageResolution
STATUS = {400: grpc.StatusCode.INVALID_ARGUMENT, 401: grpc.StatusCode.UNAUTHENTICATED}


class Bridge(image_pb2_grpc.ImageServicer):  # type: ignore[misc]  # its types are not known
    """Asks the REST API for what each message asks for."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def GenerateImage(self, request: Any, context: Any) -> Any:
        """Return the images of a request, or abort it with the error of the REST API."""
        key = dict(context.invocation_metadata()).get("authorization", "")
        path = "edits" if request.HasField("image") or request.images else "generations"
        async with http_client(headers={"authorization": key}) as http:
            response = await http.post(f"{self._url}/v1/images/{path}", json=rest(request))
        if response.status_code != 200:
            code = STATUS.get(response.status_code, grpc.StatusCode.UNKNOWN)
            await context.abort(code, response.text)
        return message(request, response.json())


def rest(request: Any) -> dict[str, Any]:
    """Return the JSON of a message."""
    is_url = request.format == image_pb2.ImageFormat.IMG_FORMAT_URL
    fields: dict[str, Any] = {
        "model": request.model,
        "prompt": request.prompt,
        "n": request.n,
        "response_format": "url" if is_url else "b64_json",
    }
    if request.HasField("aspect_ratio"):
        fields["aspect_ratio"] = ratio(request.aspect_ratio)
    if request.HasField("resolution"):
        fields["resolution"] = RESOLUTION.Name(request.resolution).split("_")[-1].lower()
    if request.HasField("quality"):
        fields["quality"] = image_pb2.ImageQuality.Name(request.quality).split("_")[-1].lower()
    if request.HasField("image"):
        fields["image"] = {"url": request.image.image_url, "type": "image_url"}
    if request.images:
        fields["images"] = [{"url": each.image_url, "type": "image_url"} for each in request.images]
    return fields


def ratio(value: int) -> str:
    """Return what the REST API calls an aspect ratio: `IMG_ASPECT_RATIO_19_5_9` is `19.5:9`."""
    name: str = RATIO.Name(value).removeprefix("IMG_ASPECT_RATIO_").lower()
    return name.replace("19_5", "19.5").replace("_", ":")


def message(request: Any, document: dict[str, Any]) -> Any:
    """Return the message of a response. Its base64 has the head of a data URL."""
    images = []
    for entry in document["data"]:
        encoded = entry.get("b64_json")
        images.append(
            image_pb2.GeneratedImage(
                base64=f"data:{entry['mime_type']};base64,{encoded}" if encoded else None,
                url=entry.get("url"),
                respect_moderation=entry["respect_moderation"],
            )
        )
    return image_pb2.ImageResponse(images=images, model=request.model, usage=document["usage"])


@asynccontextmanager
async def bridged(url: str) -> AsyncIterator[str]:
    """Serve gRPC before the REST API at a URL, and yield the host and port."""
    server = grpc.aio.server()
    image_pb2_grpc.add_ImageServicer_to_server(Bridge(url), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)
