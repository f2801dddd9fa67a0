"""What the operator acts on: the objects of its release, and the Secrets of its namespace."""
