"""Accounts, API keys and grants as resources, by the admin API of the gateways."""
