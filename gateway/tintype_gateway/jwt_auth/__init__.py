"""JSON Web Tokens (RFC 7519) in the place of API keys.

Whoever runs a gateway names the issuers that it trusts in one file (`issuers`). A token is checked
against the keys of its issuer (`keys`, read by `jwks`) by a `verifier`, and its claims name the
account that pays (`account_claim`).
"""
