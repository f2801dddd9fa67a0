"""Requests for images as values for the pipeline, from their headers."""

from aiohttp import web

from tintype_gateway.accounts import PROFILES, Profile
from tintype_gateway.api.response_headers import PROFILE_HEADER
from tintype_gateway.errors import BadRequestError
from tintype_gateway.http.app_keys import BODY_PACE, REQUEST_ID, REQUEST_LOG
from tintype_gateway.http.bodies.json import read_json_body
from tintype_gateway.http.preferences import Preferences, preferences
from tintype_gateway.http.requests import idempotency_key
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.values.routes import ForcedProvider

PROVIDER_HEADERS = ("X-Quantized-Provider", "X-Tintype-Provider")


def incoming_of(request: web.Request) -> Incoming:
    """Return a request as a value for the pipeline.

    Raises:
        BadRequestError: A header of the gateway has an invalid value.
    """
    most, preferred = request.client_max_size, preferences_of(request)
    return Incoming(
        request_id=request[REQUEST_ID],
        read_body=lambda: read_json_body(request, request.app[BODY_PACE]),
        body_bytes=min(request.content_length or most, most),
        authorization=request.headers.get("Authorization"),
        provider=_provider(request),
        handling=preferred.handling,
        profile=_profile(request),
        idempotency_key=idempotency_key(request),
        is_job=preferred.respond_async,
        log=request[REQUEST_LOG],
    )


def preferences_of(request: web.Request) -> Preferences:
    """Return what the `Prefer` headers of a request ask for."""
    return preferences(request.headers.getall("Prefer", []))


def _provider(request: web.Request) -> ForcedProvider | None:
    given = [
        ForcedProvider(header, value)
        for header in PROVIDER_HEADERS
        for value in request.headers.getall(header, [])
    ]
    if len({each.name for each in given}) > 1:
        raise BadRequestError(
            "the request names different providers: "
            + ", ".join(f"{each.header}: {each.sent!r:.70}" for each in given),
            code="conflicting_providers",
            param=given[-1].header,
        )
    return given[0] if given else None


def _profile(request: web.Request) -> Profile | None:
    given = ", ".join(request.headers.getall(PROFILE_HEADER, []))
    if PROFILE_HEADER not in request.headers:
        return None
    for profile in PROFILES:
        if given.strip().lower() == profile:
            return profile
    raise BadRequestError(
        f"the header {PROFILE_HEADER} is {given[:40]!a}: it must be {' or '.join(PROFILES)}",
        code="unknown_profile",
        param=PROFILE_HEADER,
    )
