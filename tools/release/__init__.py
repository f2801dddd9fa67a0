"""What a release is made of: its version, its notes, its packages and its bills of materials."""
