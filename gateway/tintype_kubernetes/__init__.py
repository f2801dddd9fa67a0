"""A thin, asynchronous Kubernetes API client, shared by the operator and the gateway.

Both need six calls for a few resources. A client library would take more memory and disk space than
the rest of the operator.
"""
