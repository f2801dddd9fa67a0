"""A thin, asynchronous Kubernetes API client, shared by the operator and the gateway.

Both need six calls on a handful of resources. A client library would cost more memory and disk
than all the rest of the operator, so the choice is kept in this one package.
"""
