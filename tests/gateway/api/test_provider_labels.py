"""A provider is a label of the catalog: a self-hosted server has its own name everywhere."""

from pathlib import Path

from tintype_testing.gateway import canvas, running_gateway
from tintype_testing.metrics import metric

LABEL = "vllm-gpu-pool"


async def test_a_label_of_ones_own_is_forced_shown_and_counted(tmp_path: Path) -> None:
    labels = {"provider": LABEL, "model": "canvas", "outcome": "success"}
    before = metric("tintype_provider_requests_total", **labels)
    async with running_gateway(tmp_path, *canvas(provider=LABEL)) as gateway:
        by_header = await gateway.generate({"X-Quantized-Provider": LABEL.upper()})
        by_prefix = await gateway.generate(model=f"{LABEL}/canvas")
        unknown = await gateway.generate({"X-Quantized-Provider": "openai"})
        async with gateway.http() as http:
            document = (await http.get("/openapi.json")).json()
            model = (await http.get(f"/v1/models/{LABEL}/canvas")).json()

    for response in (by_header, by_prefix):
        assert response.status_code == 200, response.text
        assert response.headers["Tintype-Route"].startswith(f"{LABEL}/")
    assert by_prefix.json()["model"] == f"{LABEL}/canvas"
    assert unknown.json()["error"] == {
        "message": f"the header X-Quantized-Provider is 'openai': it must be one of {LABEL}",
        "type": "invalid_request_error",
        "param": "X-Quantized-Provider",
        "code": "unknown_provider",
    }
    headers = document["paths"]["/v1/images/generations"]["post"]["parameters"]
    assert headers[0]["schema"]["enum"] == [LABEL]
    assert [each["provider"] for each in model["providers"]] == [LABEL]
    assert metric("tintype_provider_requests_total", **labels) == before + 2
