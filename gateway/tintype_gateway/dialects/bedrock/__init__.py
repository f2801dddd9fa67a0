"""The wire protocols of AWS Bedrock: Amazon's own image models, and Stability's."""
