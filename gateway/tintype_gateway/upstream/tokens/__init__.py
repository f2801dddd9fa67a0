"""Access tokens: asked for, cached, and renewed before they end."""
