"""The audit log outside the ledger: its lines on standard output, and changes that gateways see."""
