"""Request bodies of bounded size, which arrive in bounded time."""
