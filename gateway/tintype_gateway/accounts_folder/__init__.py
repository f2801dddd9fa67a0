"""Accounts, keys and grants in the folder of the catalog, applied to the gateway's own ledger.

This is what the operator does in a cluster, without one: the same kinds and the same plans. The
Secret of an ApiKey is a file in the data folder.

    manifests.py       the manifests of the folder, parsed
    checks.py          what they say together, for `tintype catalog check`
    ledger_backend.py  the operations of plans, by the ledger
    key_files.py       the files with keys
    applying.py        carries out what the folder says
    removing.py        ends what the folder no longer says
    following.py       applies the folder at the start, after each change, and when time requires it
"""
