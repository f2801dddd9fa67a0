"""An S3 server of the tests' own: a real one, whose objects are files in a folder."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from tintype_gateway.storage.s3 import Bucket, S3Store, open_bucket
from tintype_testing.cluster.processes import Process, free_ports, start
from tintype_testing.requirements import missing
from tintype_testing.s3_program import S3MissingError, find_server, is_built

ACCESS_KEY, SECRET_KEY, REGION = "tester", "a-secret-of-the-tests", "us-east-1"

START_SECONDS = 120


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the server before the first test, whose time limit a build would exceed."""
    needed = any("s3" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly and not is_built():
        with suppress(S3MissingError):  # the fixture says it
            find_server()


@dataclass(frozen=True)
class S3Server:
    """A running server."""

    port: int
    process: Process
    folder: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def client(self) -> Any:
        """Return AWS's own client of the server's administrator."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    def new_bucket(self) -> Bucket:
        """Return an empty bucket that no other test uses."""
        name = f"images-{uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return Bucket(name, REGION, self.url, path_style=True, prefix="tests/")

    def keys(self, bucket: Bucket) -> list[str]:
        """Return the names of all objects of a bucket."""
        listed = self.client().list_objects_v2(Bucket=bucket.name)
        return [item["Key"] for item in listed.get("Contents", ())]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running server. Without one the test is skipped, or fails if `CI=true`."""
    try:
        program = find_server()
    except S3MissingError as error:
        missing(str(error))
    with running_s3(program, tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, aws_credentials: None) -> Bucket:
    """An empty bucket, and credentials for it in the environment."""
    return s3.new_bucket()


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of the server's administrator, and nothing of this machine's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def running_s3(program: Path, folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Run a server with nothing in it, at an address of this machine."""
    (port,) = free_ports(1)
    buckets, attributes = folder / "buckets", folder / "attributes"
    buckets.mkdir()
    attributes.mkdir()  # not every file system of a test machine keeps them beside the files
    process = start(
        folder / "log",
        program,
        f"--port={host}:{port}",
        f"--access={ACCESS_KEY}",
        f"--secret={SECRET_KEY}",
        f"--region={REGION}",
        "--keep-alive",
        "posix",
        f"--sidecar={attributes}",
        buckets,
    )
    server = S3Server(port, process, buckets, host)
    try:
        process.wait_until(lambda: _responds(server), START_SECONDS, "S3 server")
        yield server
    finally:
        process.stop()


@asynccontextmanager
async def store_in(bucket: Bucket, **changed: Any) -> AsyncIterator[S3Store]:
    """Open a bucket, with some of its settings changed."""
    async with open_bucket(replace(bucket, **changed)) as store:
        yield store


def _responds(server: S3Server) -> bool:
    with suppress(Exception):
        server.client().list_buckets()
        return True
    return False
