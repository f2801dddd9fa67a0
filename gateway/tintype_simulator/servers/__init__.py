"""Servers of open models that have the paths of OpenAI's Images API, each with its differences."""
