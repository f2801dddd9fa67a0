"""The page of all settings, from the models that read them."""

import json
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from tintype_cli.flags import is_secret
from tintype_gateway.settings import GatewaySettings
from tintype_operator.settings import Settings as OperatorSettings
from tools.reference.bounds import bounds
from tools.reference.markdown import code, prose, table

INTRODUCTION = """# Settings

`tintype gateway` and `tintype operator` read their settings once, at the start. A wrong value ends
the program with exit code 2 and a message that names the variable. [Running it](../operations.md)
explains the settings by subject. The chart sets them by its [values](chart.md).

Each setting is an environment variable and a flag, which goes before the variable:
`TINTYPE_ADMIN_PORT` is `--admin-port`, and `TINTYPE_PLAYGROUND` is `--playground` or
`--no-playground`. A secret has no such flag, since process lists show flags: its variable with
`_FILE`, or its flag with `-file`, names a file that holds it. Variables without the prefix
`TINTYPE_` have no flag.
"""

HEADS = ("Variable", "Value", "Default", "Meaning")


def page() -> str:
    """Return the page."""
    return (
        f"{INTRODUCTION}\n## The gateway\n\n{_rows(GatewaySettings)}"
        f"\n## The operator\n\n{_rows(OperatorSettings)}"
    )


def _rows(settings: type[BaseSettings]) -> str:
    schema = settings.model_json_schema(by_alias=False)
    fields = settings.model_fields.items()
    rows = (_row(name, field, schema["properties"][name]) for name, field in fields)
    return table(HEADS, sorted(rows))


def _row(name: str, field: FieldInfo, schema: dict[str, Any]) -> tuple[str, ...]:
    variable = f"TINTYPE_{name.upper()}"
    if field.validation_alias is not None:
        variable = str(field.validation_alias)
    names = code(variable) + (f", {code(f'{variable}_FILE')}" if is_secret(field) else "")
    return names, bounds(schema), _default(field), prose(field.description or "")


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required() or field.default_factory or value is None or value in ("", (), {}):
        return ""
    if isinstance(value, Enum | Path | str):
        return code(str(value))
    return code(json.dumps(value))
