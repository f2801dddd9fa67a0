"""The dialects of OpenAI and of Azure OpenAI, and what they share."""
