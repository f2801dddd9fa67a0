"""Webhooks: messages of the outbox, signed and sent to the receivers that the settings name.

They follow the Standard Webhooks specification, so that its libraries verify them.
"""
