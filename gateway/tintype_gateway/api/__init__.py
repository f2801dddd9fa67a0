"""The public API: request bodies, lists, and the OpenAPI document."""
