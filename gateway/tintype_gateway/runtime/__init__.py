"""The process itself: memory, event loop, deadlines, and folders that change."""
