"""Checks the credentials of providers by calls that cost nothing; it never makes an image."""

import os
from collections.abc import Iterable, Mapping

import aiohttp

from tintype_catalog.catalog import Binding
from tintype_cli.checks.finding import Clock, Finding, clock_of
from tintype_cli.checks.free_calls import free_call
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.sessions import Sessions, open_sessions
from tintype_gateway.values.faults import UpstreamFault

CHECK = "provider"

CALL_SECONDS = 15


async def check_providers(
    settings: GatewaySettings, bindings: Iterable[Binding]
) -> tuple[list[Finding], list[Clock]]:
    """Return what the providers of bindings say to their credentials, and their clocks.

    Bindings that share a server and credentials are one line.
    """
    credentials = Credentials(os.environ if settings.has_environment_credentials else None)
    found: list[Finding] = []
    clocks: list[Clock] = []
    try:
        if settings.credentials_dir is not None:
            await credentials.load_folder(settings.credentials_dir)
        async with open_sessions(settings.egress_policy, credentials.tls) as sessions:
            for names, binding in _grouped(bindings):
                finding, clock = await _check(names, binding, credentials, sessions)
                found.append(finding)
                clocks += [] if clock is None else [clock]
    except OSError as error:
        advice = "correct TINTYPE_CREDENTIALS_DIR"
        return [Finding(CHECK, "problem", f"the credentials cannot be read: {error}", advice)], []
    finally:
        await credentials.close()
    return found, clocks


def _grouped(bindings: Iterable[Binding]) -> list[tuple[str, Binding]]:
    """Return one binding of each server and credentials, and how the report names it."""
    groups: dict[tuple[object, ...], list[Binding]] = {}
    for each in bindings:
        reference = each.credentials.secret_ref
        secret = reference.name if reference else None
        key = (each.dialect.split("-")[0], each.endpoint, each.regions[:1], secret, each.proxy)
        groups.setdefault(key, []).append(each)
    return [(_name(group), group[0]) for group in groups.values()]


def _name(group: list[Binding]) -> str:
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].name}{more} ({group[0].dialect})"


async def _check(
    names: str, binding: Binding, source: Credentials, sessions: Sessions
) -> tuple[Finding, Clock | None]:
    credentials = await source.read(binding)
    if not credentials and not binding.credentials.none:
        return Finding(CHECK, "problem", f"{names}: no credentials", _missing(binding)), None
    call = free_call(binding, credentials)
    if call is None:
        message = f"{names}: credentials found; the provider has no free call that tries them"
        return Finding(CHECK, "ok", message), None
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    headers: Mapping[str, str] = {**call.headers, **(source.headers(binding) or {})}
    try:
        async with (
            sessions.to(binding) as session,
            session.get(
                call.url, headers=headers, timeout=timeout, allow_redirects=False
            ) as response,
        ):
            clock = clock_of(binding.provider, response.headers.get("Date"))
            return _responded(names, response.status), clock
    except UpstreamFault as fault:
        message = fault.cause or fault.message
    except TimeoutError:
        message = f"no response in {CALL_SECONDS} seconds"
    except (aiohttp.ClientError, ValueError) as error:
        message = str(error) or type(error).__name__
    advice = "check endpoint, proxy, network policies and TLS files of the binding"
    return Finding(CHECK, "problem", f"{names}: unreachable: {message}", advice), None


def _missing(binding: Binding) -> str:
    reference = binding.credentials.secret_ref
    if reference is None:
        return "give the workload an identity of the provider, or name a Secret in the binding"
    return f"put the keys of the Secret {reference.name} where the gateway reads credentials"


def _responded(names: str, status: int) -> Finding:
    if 200 <= status < 300:
        return Finding(CHECK, "ok", f"{names}: credentials accepted")
    if status in (400, 401):  # Google says of a wrong key that the request is invalid
        message = f"{names}: the provider refuses the credentials (status {status})"
        return Finding(CHECK, "problem", message, "renew the key, and replace it in its Secret")
    if status == 403:
        message = f"{names}: the provider does not let the credentials list models (status 403)"
        advice = "if they are right and only allowed to make images, nothing; else renew them"
        return Finding(CHECK, "warning", message, advice)
    if status in (404, 405):
        message = f"{names}: reachable, but it has no list of models: credentials not tried"
        return Finding(CHECK, "ok", message)
    message = f"{names}: the provider responds with status {status}"
    return Finding(CHECK, "warning", message, "try again later, and see the provider's status page")
