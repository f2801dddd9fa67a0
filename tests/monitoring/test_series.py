"""A thousand models in use cause an acceptable number of series."""

import json
import subprocess
import sys

MAX_SERIES = 14_500


def test_a_thousand_models_with_two_providers_cause_an_acceptable_number_of_series() -> None:
    measured = subprocess.run(
        [sys.executable, "-m", "bench.scrape"], capture_output=True, text=True, check=True
    )

    assert 8_000 < json.loads(measured.stdout)["series"] <= MAX_SERIES
