"""What tests, benchmarks and generators share: real components that they start themselves."""
