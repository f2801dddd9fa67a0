"""The status of each object: conditions, Events, and which catalog the gateways serve."""
