"""Servers that speak the image providers' wire protocols and paint what they are asked for.

They stand in for the providers where those cannot be asked: the embedded default, rehearsals of
load and of failures, and models that a provider has retired. Nothing here knows the gateway: the
simulator holds the providers' behavior on its own, so that each can be the other's test.

A provider's protocol is one `Dialect` (`dialect.py`), listed in `app.py`.
"""
