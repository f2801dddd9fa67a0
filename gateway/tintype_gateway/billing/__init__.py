"""Prices: ceilings, costs and quotes."""
