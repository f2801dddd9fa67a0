"""The operations of a ledger, by what they are about. `interface.Ledger` has all of them."""
