"""Images, drawn from a seed."""
