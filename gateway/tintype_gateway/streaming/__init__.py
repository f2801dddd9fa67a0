"""Answers as streams of events: what happens, what it costs, and who is told."""
