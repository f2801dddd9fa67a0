"""What every folder of the tests may use."""

from hypothesis import settings

pytest_plugins = ["tests.cluster.fixtures", "tests.support.postgres", "tests.support.s3"]

# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("tintype", deadline=None)
settings.load_profile("tintype")
