"""Frozen values that flow between the packages of the gateway."""
