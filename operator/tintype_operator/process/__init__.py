"""The process: start, preflight checks, locks and leader election, probes and shutdown."""
