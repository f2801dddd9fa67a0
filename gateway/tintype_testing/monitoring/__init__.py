"""Prometheus, and a run of the product for it to scrape."""
