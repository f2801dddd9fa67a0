"""The settings of jobs, a part of the gateway's settings."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DAY_SECONDS = 24 * 3600

MAX_JOBS = 1_000_000
"""The largest limit on the jobs of an account, as in its policy."""


class JobSettings(BaseSettings):
    """How many jobs there may be, who runs them, and how long they are kept."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    jobs_enabled: bool = True
    """Whether requests may be submitted as jobs, with `Prefer: respond-async`. Jobs that exist are
    run and can be read in any case."""

    jobs_key_file: Path | None = None
    """The file with the keys that encrypt the requests of jobs: 32 random bytes as base64 in each
    line, of which the first encrypts. By default jobs.key in the data folder, which is made if it
    does not exist; with PostgreSQL there is no default."""

    jobs_concurrency: Annotated[int, Field(ge=0, le=10_000)] = 16
    """How many jobs the gateway runs at once. From 8 on the last place is for accounts of which no
    job runs there. With 0 it runs none, and leaves them to others."""

    jobs_max_queued: Annotated[int, Field(ge=1, le=MAX_JOBS)] = 1000
    """How many jobs of an account may be queued, unless its policy says otherwise."""

    jobs_max_running: Annotated[int, Field(ge=1, le=MAX_JOBS)] = 20
    """How many jobs of an account may run at once, unless its policy says otherwise."""

    jobs_max_upload_bytes: Annotated[int, Field(ge=2**20, le=2**34)] = 2**28
    """The largest request body with images that becomes a job: the image store keeps its images
    until the job ends. `TINTYPE_MAX_UPLOAD_BYTES` bounds it as well."""

    jobs_max_queued_seconds: Annotated[int, Field(ge=60, le=30 * DAY_SECONDS)] = DAY_SECONDS
    """After how many seconds a job that is still queued fails, free of charge."""

    jobs_retention_seconds: Annotated[int, Field(ge=60, le=30 * DAY_SECONDS)] = DAY_SECONDS
    """How many seconds a job and its result are kept after its end."""

    jobs_drain_seconds: Annotated[int, Field(ge=0, le=7200)] = 180
    """After a signal to end, how many seconds running jobs may take to finish. Those that remain
    are handed back to other gateways, unless a provider may be working on them."""

    jobs_lease_seconds: Annotated[int, Field(ge=2, le=3600)] = 60
    """After how many seconds without a sign of life of a gateway others take its jobs over."""
