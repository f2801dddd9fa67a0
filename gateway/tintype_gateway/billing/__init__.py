"""Ceilings, costs, quotes, and the settlement of holds."""
