"""JSON Web Tokens as API keys, such as those of Kubernetes ServiceAccounts."""
