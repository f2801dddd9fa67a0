"""`/admin/v1`: accounts, keys, grants, usage and the audit log, for operators of the gateway.

The path exists only if there are admins, and only on the admin port. Amounts are micro-credits.
"""
