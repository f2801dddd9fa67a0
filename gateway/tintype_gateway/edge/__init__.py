"""Where HTTP arrives: what is read of a client, how long it may take, and what is refused."""
