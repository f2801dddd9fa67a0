"""Accounts, API keys and grants of credits as resources of `tintype.dev/v1alpha1`.

The operator applies them through the gateways' admin API, and a gateway with a folder of manifests
applies them to its own ledger. Both carry out the same plans: a planner is a pure function of an
object, of what the ledger and the Secret have, and of the time. It returns the next actions, or
none and the status of the object. Planning again after the actions were carried out ends with no
actions, and planning again after any failure continues.

    resources.py   Account, ApiKey and CreditGrant as Kubernetes objects
    account.py, api_key.py, credit_grant.py   their specs
    status.py      their statuses
    backend.py     what the admin API and the ledger do for them, and the documents of both
    api_keys.py    the secrets of API keys
    planning/      object, observation and time -> actions, status and the next time to look
"""
