"""What keeps the gateway working while a provider does not."""
