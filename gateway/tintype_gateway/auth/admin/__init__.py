"""Who may call the admin API: named tokens with roles."""
