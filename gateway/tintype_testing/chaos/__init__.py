"""Clients and plans of requests for runs in which everything fails at once."""
