"""AWS Signature Version 4, by botocore's own signer."""

from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tintype_gateway.values import AwsSigner, UpstreamRequest


def signed_headers(request: UpstreamRequest) -> Mapping[str, str]:
    """Return the headers of a request, with a signature of this moment if it needs one."""
    return request.headers if request.signer is None else _signed(request, request.signer)


def _signed(request: UpstreamRequest, signer: AwsSigner) -> Mapping[str, str]:
    unsigned = AWSRequest("POST", request.url, dict(request.headers), request.body)
    credentials = Credentials(
        signer.access_key_id, signer.secret_access_key, signer.session_token or None
    )
    SigV4Auth(credentials, signer.service, signer.region).add_auth(unsigned)
    return dict(unsigned.headers.items())
