"""Scripted faults, and the log of received requests."""
