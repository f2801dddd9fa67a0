"""Logging of gateway and operator."""
