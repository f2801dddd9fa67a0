"""Reading request bodies, with limits on their size and time."""
