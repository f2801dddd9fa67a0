"""Providers' wire protocols: pure, without I/O and without a clock. `base.py` is the interface."""
