"""A simulated AWS Bedrock: Amazon's own image models, and Stability's."""
