"""Images behind URLs, and stored responses."""
