"""The settings of images and of their store."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tintype_gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TINTYPE_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def test_the_bucket_is_named_as_everywhere(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_S3_BUCKET", "images")
    environ.setenv("AWS_REGION", "eu-west-1")
    environ.setenv("AWS_S3_ACCELERATE", "true")

    settings = GatewaySettings()

    assert settings.s3_bucket == "images"
    assert settings.s3_region == "eu-west-1"
    assert settings.s3_accelerate
    assert settings.image_url_seconds == 3600


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"AWS_S3_ACCELERATE": "true", "AWS_ENDPOINT_URL_S3": "http://s3.local"},
            "AWS_ENDPOINT_URL_S3",
        ),
        ({"AWS_S3_ACCELERATE": "true", "TINTYPE_S3_PATH_STYLE": "true"}, "TINTYPE_S3_PATH_STYLE"),
        ({"AWS_S3_ACCELERATE": "true", "AWS_S3_BUCKET": "my.images"}, "without dots"),
        ({"TINTYPE_S3_KMS_KEY_ID": "key-7"}, "TINTYPE_S3_ENCRYPTION=aws:kms"),
        ({"TINTYPE_S3_PREFIX": "/images"}, "pattern"),
        ({"TINTYPE_S3_ENCRYPTION": "rot13"}, "aws:kms"),
        ({"TINTYPE_PUBLIC_URL": "images.example.com"}, "pattern"),
        ({"TINTYPE_IMAGE_URL_SECONDS": "604801"}, "604800"),
        ({"TINTYPE_IMAGE_WORKERS": "0"}, "1"),
        (
            {"TINTYPE_DEFAULT_RESPONSE_FORMAT": "url", "TINTYPE_CATALOG_MOUNT": "/catalog"},
            "AWS_S3_BUCKET or TINTYPE_IMAGE_STORE_DIR",
        ),
    ],
)
def test_invalid_settings_are_refused_at_the_start(
    environ: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)

    with pytest.raises(ValidationError, match=message):
        GatewaySettings()


@pytest.mark.parametrize(
    "variables", [{}, {"TINTYPE_SIMULATE": "true", "TINTYPE_DATABASE_URL": "postgresql://h/d"}]
)
def test_a_gateway_alone_or_with_simulators_has_a_folder(
    environ: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    environ.setenv("TINTYPE_DATA_DIR", "/data")

    assert GatewaySettings().image_folder == Path("/data/images")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TINTYPE_DATABASE_URL", "postgresql://u@h/d"),
        ("TINTYPE_CATALOG_CONFIGMAP", "catalog"),
        ("TINTYPE_CATALOG_MOUNT", "/catalog"),
        ("AWS_S3_BUCKET", "images"),
    ],
)
def test_a_gateway_among_many_in_a_pod_or_with_a_bucket_has_no_folder_by_itself(
    environ: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    environ.setenv(variable, value)

    assert GatewaySettings().image_folder is None


def test_urls_can_be_the_default_where_there_is_a_folder(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("TINTYPE_IMAGE_STORE_DIR", "/images")
    environ.setenv("TINTYPE_DEFAULT_RESPONSE_FORMAT", "url")

    assert GatewaySettings().image_folder == Path("/images")
