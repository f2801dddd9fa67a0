"""Command-line flags from settings: one for each field, with its name and its docstring.

All users of a machine can see the flags of a process. So a secret has no flag: its value comes from
the environment, or from a file that a flag or the environment names.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from tintype_cli.help import CommandParser

Settings = TypeVar("Settings", bound=BaseSettings)


def settings_parser(
    settings: type[BaseSettings], program: str, texts: Mapping[str, Any]
) -> CommandParser:
    """Return a parser with a flag for each setting; `texts` are from `tintype_cli.help`."""
    parser = CommandParser(prog=program, allow_abbrev=False, **texts)
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        if field.validation_alias is not None:
            continue  # a setting with a standard name of its own in the environment
        flag = f"--{name.replace('_', '-')}"
        text = f"{(field.description or '').replace('%', '%%')} [{prefix}{name.upper()}]"
        if is_secret(field):
            text += f", in a file [{prefix}{name.upper()}_FILE]"
            parser.add_argument(f"{flag}-file", metavar="FILE", default=None, help=text)
        elif field.annotation is bool:
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=argparse.SUPPRESS, help=text)
        else:
            shown = _choices(field.annotation) or _path(name, field) or name.upper()
            parser.add_argument(flag, metavar=shown, default=argparse.SUPPRESS, help=text)
    return parser


def read_settings(
    settings: type[Settings], program: str, texts: Mapping[str, Any], argv: Sequence[str]
) -> Settings:
    """Return settings from the flags in `argv`, or from the environment without a flag.

    `texts` are the texts of the help, from `tintype_cli.help`.
    A wrong setting ends the process with code 2 and a line for each error.
    """
    return settings_of(
        settings, settings_parser(settings, program, texts).parse_args(argv), program
    )


def settings_of(settings: type[Settings], parsed: argparse.Namespace, program: str) -> Settings:
    """Return settings from parsed flags, or from the environment without a flag.

    A wrong setting ends the process with code 2 and a line for each error.
    """
    flags = {**vars(parsed)}
    prefix = settings.model_config.get("env_prefix", "")
    for name in filter(lambda name: is_secret(settings.model_fields[name]), settings.model_fields):
        _read_secret(program, f"{prefix}{name.upper()}", name, flags)
    try:
        return settings(**flags)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = ".".join(str(step) for step in detail["loc"])
            is_field = name in settings.model_fields
            where = f"{prefix}{name.upper()}: " if is_field else f"{name}: " if name else ""
            message = detail["msg"].removeprefix("Value error, ")
            print(f"{program}: {where}{message}", file=sys.stderr)
        sys.exit(2)


def is_secret(field: FieldInfo) -> bool:
    """Return whether a setting is secret, by its type or by JSON Schema's `writeOnly`."""
    extra = field.json_schema_extra
    is_marked = isinstance(extra, dict) and extra.get("writeOnly") is True
    return is_marked or SecretStr in (field.annotation, *get_args(field.annotation))


def _read_secret(program: str, variable: str, name: str, flags: dict[str, Any]) -> None:
    """Replace the name of a secret's file among the flags by the content of the file."""
    by_flag = flags.pop(f"{name}_file")
    file = by_flag or os.environ.get(f"{variable}_FILE")
    if not file:
        return
    if not by_flag and os.environ.get(variable):
        print(f"{program}: {variable}: set it or {variable}_FILE, not both", file=sys.stderr)
        sys.exit(2)
    try:
        flags[name] = Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        print(f"{program}: {variable}_FILE: cannot read {file}: {reason}", file=sys.stderr)
        sys.exit(2)


def _path(name: str, field: FieldInfo) -> str:
    """Return what a setting that is a path names, empty for other types."""
    if Path not in (field.annotation, *get_args(field.annotation)):
        return ""
    return "DIR" if name.endswith(("_dir", "_mount", "_overlay")) else "FILE"


def _choices(annotation: object) -> str:
    """Return the allowed words of a setting in argparse's notation, empty for other types."""
    if get_origin(annotation) is Literal:
        return "{" + ",".join(word for word in get_args(annotation) if word) + "}"
    return "".join(_choices(part) for part in get_args(annotation))
