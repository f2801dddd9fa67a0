"""What the tests, the benchmarks and the generators share: real parts, started for the moment."""
