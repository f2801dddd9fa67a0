"""The AWS credentials of this workload, found and renewed by the chain of the AWS SDKs."""

import asyncio
import logging
from collections.abc import Mapping

import aioboto3
from aiobotocore.credentials import AioCredentials
from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)


class WorkloadIdentity:
    """What the environment, EKS Pod Identity, a web identity or the instance gives to this pod."""

    def __init__(self) -> None:
        self._session = aioboto3.Session()
        self._found: AioCredentials | None = None
        self._searching = asyncio.Lock()

    async def read(self) -> Mapping[str, str]:
        """Return the credentials of this moment, none where the chain finds none."""
        try:
            async with self._searching:
                if self._found is None:
                    self._found = await self._session.get_credentials()
            if self._found is None:
                return {}
            now = await self._found.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            log.warning("no AWS credentials of the workload", extra={"error": str(error)})
            return {}
        keys = ("aws-access-key-id", "aws-secret-access-key", "aws-session-token")
        values = (now.access_key, now.secret_key, now.token)
        return {key: value for key, value in zip(keys, values, strict=True) if value}
