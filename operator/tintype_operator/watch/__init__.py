"""The input of the operator: the objects of its release, and the Secrets of its namespace."""
