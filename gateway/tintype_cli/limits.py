"""The flags of an account's limits: one for each field of a policy."""

import argparse
from dataclasses import fields
from typing import Any

from tintype_gateway.accounts import PROFILES, Policy, Profile

ALL = "all"
"""The allow-list of an account that may use every model."""

UNLIMITED = "unlimited"
"""The rate limit of an account without one."""

DEFAULT = "default"
"""The value of an account that uses the gateway's response profile or limit."""


def add_flags(command: argparse.ArgumentParser) -> None:
    """Add a flag for each field of a policy; a flag that is not given is absent in the result."""
    command.add_argument(
        "--models",
        type=_models,
        default=argparse.SUPPRESS,
        metavar="ID,ID",
        help=f"the models that the account may use, or `{ALL}`",
    )
    for what in ("requests", "images"):
        command.add_argument(
            f"--{what}-per-minute",
            type=_rate,
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"the limit of {what} per minute, or `{UNLIMITED}`",
        )
    command.add_argument(
        "--response-profile",
        type=_profile,
        default=argparse.SUPPRESS,
        metavar="PROFILE",
        help=f"the response profile: {', '.join(PROFILES)}, or `{DEFAULT}`, the gateway's",
    )
    command.add_argument(
        "--calls-per-minute",
        type=_or_default,
        default=argparse.SUPPRESS,
        metavar="N",
        help="the limit of calls of any kind per minute and gateway, or"
        f" `{DEFAULT}`: ten times the requests per minute, or 600",
    )
    for what in ("queued", "running"):
        command.add_argument(
            f"--{what}-jobs",
            type=_or_default,
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"the most {what} jobs, or `{DEFAULT}`, the gateway's",
        )
    command.add_argument(
        "--webhooks",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="whether its jobs may name a URL that is told how they ended",
    )
    command.add_argument(
        "--guardrail-exempt",
        action=argparse.BooleanOptionalAction,
        default=argparse.SUPPRESS,
        help="whether its prompts and images are not checked by the policy service",
    )


def chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a policy that flags name."""
    given = vars(arguments)
    return {field.name: given[field.name] for field in fields(Policy) if field.name in given}


def _models(text: str) -> frozenset[str] | None:
    if text == ALL:
        return None
    return frozenset(filter(None, map(str.strip, text.split(","))))


def _profile(text: str) -> Profile | None:
    if text == DEFAULT:
        return None
    for profile in PROFILES:
        if text == profile:
            return profile
    raise argparse.ArgumentTypeError(f"must be {', '.join(PROFILES)} or `{DEFAULT}`")


def _rate(text: str, none: str = UNLIMITED) -> int | None:
    if text == none:
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number or `{none}`")
    return int(text)


def _or_default(text: str) -> int | None:
    return _rate(text, DEFAULT)
