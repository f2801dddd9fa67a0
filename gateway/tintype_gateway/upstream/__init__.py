"""Calls to providers: sessions, egress, retries, circuit breakers, and reading what they send."""
