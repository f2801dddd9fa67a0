"""What every folder of the tests may use."""

pytest_plugins = ["tests.cluster.fixtures"]
