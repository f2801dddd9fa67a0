"""Prometheus, and a run of the product that it scrapes."""
