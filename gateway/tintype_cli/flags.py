"""Settings as flags: one for each field, named like it and documented by its docstring."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_settings import BaseSettings

Settings = TypeVar("Settings", bound=BaseSettings)


def read_settings(
    settings: type[Settings], program: str, texts: Mapping[str, Any], argv: Sequence[str]
) -> Settings:
    """Return settings from the flags in `argv`, and from the environment where there is no flag.

    `texts` are those of the program's help, as `tintype_cli.help` makes them.
    Ends the process with code 2 and one line for each setting that is wrong.
    """
    parser = argparse.ArgumentParser(prog=program, **texts)
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        if field.validation_alias is not None:
            continue  # a name of its own in the environment, and too unwieldy for a flag
        flag = f"--{name.replace('_', '-')}"
        text = f"{(field.description or '').replace('%', '%%')} [{prefix}{name.upper()}]"
        if field.annotation is bool:
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=argparse.SUPPRESS, help=text)
        else:
            shown = _choices(field.annotation) or name.upper()
            parser.add_argument(flag, metavar=shown, default=argparse.SUPPRESS, help=text)
    flags = vars(parser.parse_args(argv))
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


def _choices(annotation: object) -> str:
    """Return the words that a setting may be, as argparse shows choices, or nothing."""
    if get_origin(annotation) is Literal:
        return "{" + ",".join(word for word in get_args(annotation) if word) + "}"
    return "".join(_choices(part) for part in get_args(annotation))
