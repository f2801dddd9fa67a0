"""The public contract: requests, lists, and the OpenAPI document."""
