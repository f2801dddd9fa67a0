"""The image store, and stored responses for idempotent requests."""
