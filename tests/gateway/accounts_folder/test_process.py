"""`tintype gateway --catalog-dir` with accounts, keys and grants in the folder."""

import shutil
from pathlib import Path

from openai import APIStatusError, OpenAI

import tintype_accounts
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.waiting import eventually_blocking

EXAMPLE = Path(tintype_accounts.__file__).parent / "example"


def key_of(gateway: GatewayProcess) -> str:
    """Return the key in the file of the example's ApiKey, once there is one."""
    path = gateway.folder / ".tintype/keys/studio-openai/OPENAI_API_KEY"
    eventually_blocking(path.exists, f"{path}")
    return path.read_text()


def spent(gateway: GatewayProcess, key: str) -> int:
    """Buy an image with OpenAI's SDK, and return the micro-credits that remain."""
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        image = client.images.generate(model="gpt-image-2", prompt="a red fox", size="1024x1024")
    assert image.data
    return int(getattr(image.usage, "credits_remaining"))  # noqa: B009 - not in the SDK's type


def test_the_example_ends_in_a_key_that_works_with_the_sdk_also_after_a_restart(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "manifests"
    shutil.copytree(EXAMPLE, folder)
    flags = ("--simulate", "--catalog-dir", folder)
    with running_process(tmp_path, *flags) as gateway:
        key = key_of(gateway)
        assert spent(gateway, key) == 396_000_000
    with running_process(tmp_path, *flags) as gateway:
        assert key_of(gateway) == key
        assert spent(gateway, key) == 392_000_000
        assert key not in gateway.stderr + gateway.stdout

        (folder / "key.yaml").unlink()

        def refused() -> bool:
            try:
                spent(gateway, key)
            except APIStatusError as error:
                return error.status_code == 401
            return False

        eventually_blocking(refused, "the revocation of the key")
