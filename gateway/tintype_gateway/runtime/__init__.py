"""The process itself: memory, the event loop, and folders that change."""
