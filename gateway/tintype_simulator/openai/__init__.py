"""A simulated OpenAI Images API."""
