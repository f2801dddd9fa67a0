"""The AWS credentials of the gateway's pod, found as the AWS SDK finds them."""

import asyncio
import logging
from collections.abc import Mapping

import aioboto3
from aiobotocore.credentials import AioCredentials
from botocore.exceptions import BotoCoreError, ClientError

from tintype_catalog.providers import Service

log = logging.getLogger(__name__)


class AwsIdentity:
    """The pod's AWS credentials: environment, EKS Pod Identity, web identity or EC2 instance."""

    def __init__(self) -> None:
        self._session = aioboto3.Session()
        self._found: AioCredentials | None = None
        self._searching = asyncio.Lock()

    async def read(self, service: Service) -> Mapping[str, str]:
        """Return the current credentials; none if botocore's credential chain finds none."""
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

    async def close(self) -> None:
        """Do nothing: botocore opens a connection for each renewal."""
