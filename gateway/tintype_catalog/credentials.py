"""What a binding needs of its Secret, and where gateways find it. Names of keys only, no values."""

from collections.abc import Collection, Iterator, Mapping

from tintype_catalog.problems import Problem, Reason
from tintype_catalog.provider_binding import Provider
from tintype_catalog.resources import ProviderBinding

Secrets = Mapping[str, Collection[str]]
"""The keys of each Secret that is there, by its name."""

API_KEY = frozenset({"api-key"})
AWS_KEYS = frozenset({"aws-access-key-id", "aws-secret-access-key"})
AWS_BEARER = frozenset({"aws-bearer-token"})

CREDENTIAL_KEYS = API_KEY | AWS_KEYS | AWS_BEARER | {"aws-session-token"}
"""Every key that a gateway may read."""

ALTERNATIVES: Mapping[Provider, tuple[frozenset[str], ...]] = {
    "openai": (API_KEY,),
    "gemini": (API_KEY,),
    "bedrock": (AWS_KEYS, AWS_BEARER),
}
"""For each provider the sets of keys of which one is needed."""

MAX_SECRET_NAME = 220
"""Characters: with its key, the name becomes a file's name and a Secret's key of at most 253."""


def file_name(secret: str, key: str) -> str:
    """Return the name of the file in a gateway's credentials folder."""
    return f"{secret}.{key}"


def secret_problems(binding: ProviderBinding, secrets: Secrets) -> Iterator[Problem]:
    """Yield what the binding's Secret lacks; nothing where it names none."""
    if (reference := binding.spec.credentials.secret_ref) is None:
        return
    needed = ALTERNATIVES[binding.spec.provider]
    if len(reference.name) > MAX_SECRET_NAME:
        yield _problem(binding, f"is longer than {MAX_SECRET_NAME} characters", "SecretNotFound")
    elif reference.name not in secrets:
        message = f"there is no Secret/{reference.name}; it must have {_in_words(needed)}"
        yield _problem(binding, message, "SecretNotFound")
    elif not any(keys <= set(secrets[reference.name]) for keys in needed):
        message = f"Secret/{reference.name} must have {_in_words(needed)}"
        yield _problem(binding, message, "SecretKeyMissing")


def _in_words(alternatives: tuple[frozenset[str], ...]) -> str:
    return ", or ".join(
        f"the key{'s'[: len(keys) - 1]} " + " and ".join(f"`{key}`" for key in sorted(keys))
        for keys in alternatives
    )


def _problem(binding: ProviderBinding, message: str, reason: Reason) -> Problem:
    return Problem(
        kind=binding.kind,
        name=binding.metadata.name,
        field="spec.credentials.secretRef.name",
        message=message,
        reason=reason,
        condition="ResolvedRefs",
    )
