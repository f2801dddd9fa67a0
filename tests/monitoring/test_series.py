"""A thousand models that are all used make no more series than a Prometheus likes to take."""

import json
import subprocess
import sys

MAX_SERIES = 12_000


def test_a_thousand_models_of_two_providers_each_make_less_than_twelve_thousand_series() -> None:
    measured = subprocess.run(
        [sys.executable, "-m", "bench.scrape"], capture_output=True, text=True, check=True
    )

    assert 8_000 < json.loads(measured.stdout)["series"] <= MAX_SERIES
