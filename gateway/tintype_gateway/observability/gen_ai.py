"""What OpenTelemetry's conventions for generative AI call what we do."""

OPERATION = "image_generation"
"""The conventions name no operation for pictures, and let one be named: this is Envoy's word."""

PROVIDERS = {"bedrock": "aws.bedrock", "gemini": "gcp.gemini"}
"""Our providers, where their name is not ours."""


def gen_ai_provider(provider: str) -> str:
    """Return the conventions' name of a provider."""
    return PROVIDERS.get(provider, provider)
