"""The file that `TINTYPE_JWT_ISSUERS` names: a list of issuers in YAML."""

import json
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from tintype_gateway.auth.jwt.issuers import Issuer

_ISSUERS = TypeAdapter(tuple[Issuer, ...])


def read_issuers(path: Path) -> tuple[Issuer, ...]:
    """Return the issuers that a file lists.

    Raises:
        ValueError: It cannot be read or is not valid. One line that names the file and each field.
    """
    try:
        document = yaml.safe_load(path.read_bytes())
        issuers = _ISSUERS.validate_json(json.dumps(document, default=str))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(f"{path}: {_problems(error)}") from error
    except yaml.MarkedYAMLError as error:  # whose text quotes the file
        where = error.problem_mark
        line = f", in line {where.line + 1}" if where else ""
        raise ValueError(f"{path} is no plain YAML: {error.problem}{line}") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:  # more than JSON can hold
        raise ValueError(f"{path} is no plain YAML: {' '.join(str(error).split())}") from error
    names = [issuer.issuer for issuer in issuers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path}: {name} is listed more than once")
    return issuers


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'the file'}: "
        f"{detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors(include_url=False)
    )
