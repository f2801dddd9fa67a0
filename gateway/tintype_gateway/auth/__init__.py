"""Authentication of callers, and limits on their calls."""
