"""Simulated hosted providers, each below a path of its own."""
