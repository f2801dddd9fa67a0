"""The faults of connections to providers: not reached, not trusted, refused, or broken.

A server with TLS 1.2 judges the certificate of a client in the handshake. With TLS 1.3 the client
sends its request before it learns the verdict, but the server may read it only after the client's
last message of the handshake has been verified (RFC 8446, section 4.4.4). So an alert about the
certificate proves that there is no image, whenever it arrives.
"""

import errno
import ssl

import aiohttp

from tintype_gateway.values.faults import UpstreamFault

CERTIFICATE_ALERTS = frozenset(
    {
        *("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"),
        *("CERTIFICATE_REVOKED", "CERTIFICATE_EXPIRED", "CERTIFICATE_UNKNOWN"),
        "CERTIFICATE_REQUIRED",
    }
)
"""The alerts by which a server refuses a client for its certificate (RFC 8446, section 6.2)."""

REFUSED = "the provider refuses the gateway's TLS certificate"
DEMANDED = "the provider demands a TLS certificate of the gateway"
UNTRUSTED = "the provider's TLS certificate cannot be verified"
UNREACHABLE = "the provider cannot be reached"
CLOSED = "the provider closed the connection before the end of its response"


def connection_fault(
    error: aiohttp.ClientError | TimeoutError, seconds: float, *, presents_certificate: bool
) -> UpstreamFault:
    """Return the fault of an error of a connection.

    Args:
        error: What the HTTP client raised.
        seconds: The time limit of the call.
        presents_certificate: Whether the gateway presents a client certificate to the server.
    """
    if (alert := _alert(error)) in CERTIFICATE_ALERTS:
        return _refused(f"TLS alert {_words(alert)}", presents_certificate)
    match error:
        case aiohttp.InvalidURL():
            return no_endpoint()
        case aiohttp.ClientConnectorError():
            return _unconnected(error, alert, presents_certificate)
        case aiohttp.ConnectionTimeoutError():
            return UpstreamFault("unavailable", UNREACHABLE, cause=str(error) or None)
        case aiohttp.ClientHttpProxyError():
            # The proxy refused the CONNECT, so that the provider got nothing. Its words may name
            # hosts of the network.
            why = "the proxy did not connect to the provider"
            return UpstreamFault("unavailable", why, cause=f"the proxy responded {error.status}")
        case TimeoutError():
            return UpstreamFault("timeout", f"the provider did not respond within {seconds:.3g} s")
    cause = f"{CLOSED}; with TLS 1.3 it may so refuse the client certificate"
    return UpstreamFault("outcome_unknown", CLOSED, cause=cause if presents_certificate else None)


def no_endpoint() -> UpstreamFault:
    """Return the fault of an endpoint that is no URL."""
    return UpstreamFault("misconfigured", "its endpoint is not a valid URL")


def _unconnected(
    error: aiohttp.ClientConnectorError, alert: str, presents_certificate: bool
) -> UpstreamFault:
    """Return the fault of a connection that was not established, so that nothing was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found = error.certificate_error
        cause = f"{UNTRUSTED}: {getattr(found, 'verify_message', '') or found}"
        return UpstreamFault("unavailable", UNTRUSTED, cause=cause)
    if error.os_error.errno == errno.EACCES:
        # The egress guard refused the address; a name may have several.
        return UpstreamFault("misconfigured", "its endpoint is not allowed")
    if presents_certificate and (alert == "HANDSHAKE_FAILURE" or _was_closed(error)):
        how = (
            f"TLS alert {_words(alert)}" if alert else "the connection was closed in the handshake"
        )
        return _refused(how, presents_certificate)
    cause = f"{UNREACHABLE}: TLS alert {_words(alert)}" if alert else str(error)
    # TLS 1.2 has no other alert for a client without a certificate.
    hint = "; it may demand a client certificate" if alert == "HANDSHAKE_FAILURE" else ""
    return UpstreamFault("unavailable", UNREACHABLE, cause=f"{cause}{hint}")


def _refused(how: str, presents_certificate: bool) -> UpstreamFault:
    why = REFUSED if presents_certificate else DEMANDED
    return UpstreamFault("unauthorized", why, cause=f"{why}: {how}")


def _was_closed(error: aiohttp.ClientConnectorError) -> bool:
    """Return whether the server closed the connection in the handshake."""
    return isinstance(error.os_error, ConnectionResetError | ssl.SSLEOFError)


def _alert(error: Exception) -> str:
    """Return the name of the alert that a server sent, such as `UNKNOWN_CA`; empty for none."""
    cause = error.__cause__
    # OpenSSL names the first protocol that had the alert: `TLSV1_ALERT_UNKNOWN_CA`.
    reason = cause.reason if isinstance(cause, ssl.SSLError) else None
    return (reason or "").partition("_ALERT_")[2]


def _words(alert: str) -> str:
    return alert.lower().replace("_", " ")
