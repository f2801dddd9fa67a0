"""Requests one image, and prints its properties and its cost. Runs in a pod."""

import base64
import io
import json
import pathlib

from openai import OpenAI
from PIL import Image

token = pathlib.Path("/var/run/secrets/tintype/token")
client = OpenAI(base_url="http://tintype:8080/v1", api_key=lambda: token.read_text())
response = client.images.generate(model="gpt-image-1", prompt="A sleepy hedgehog", quality="low")
assert response.data
assert response.usage
image = Image.open(io.BytesIO(base64.b64decode(response.data[0].b64_json or "")))
image.load()
print(
    json.dumps(
        {
            "format": image.format,
            "size": image.size,
            "credits_used": response.usage.model_dump()["credits_used"],
        }
    )
)
