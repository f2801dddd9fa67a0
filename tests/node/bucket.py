"""An S3 server on this machine that pods can reach, in the place of a managed one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.node.network import ADDRESS
from tintype_testing.chart import Object, Values
from tintype_testing.operator import secret
from tintype_testing.requirements import missing
from tintype_testing.s3 import ACCESS_KEY, REGION, SECRET_KEY, running_s3
from tintype_testing.s3_program import S3MissingError, find_server

NAME = "bucket"

CREDENTIALS: Object = secret(NAME, AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY)


@contextmanager
def running_bucket(folder: Path) -> Iterator[Values]:
    """Run the server, and yield the values with which a release that has `CREDENTIALS` has an empty
    bucket of it."""
    try:
        program = find_server()
    except S3MissingError as error:
        missing(str(error))
    with running_s3(program, folder, ADDRESS) as server:
        yield {
            "s3": {
                "bucket": server.new_bucket().name,
                "region": REGION,
                "endpoint": server.url,
                "pathStyle": True,
                "existingSecret": NAME,
            }
        }
