"""The process: its start, its checks, its leadership and its end."""
