"""The HTTP server: connections, middleware and handlers."""
