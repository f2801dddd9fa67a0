"""How LiteLLM's proxy is installed and set up as a peer of the benchmark."""

import re

import yaml

from bench.cases import Case
from bench.litellm import LOCK, configuration, version
from bench.plan import wave

UPSTREAM = "http://127.0.0.1:9100"


def test_each_of_its_packages_is_locked_with_a_hash() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.read_text().strip())

    packages = [entry for entry in entries if not entry.startswith("#")]
    assert len(packages) > 50
    assert all("==" in entry and "--hash=sha256:" in entry for entry in packages)


def test_its_version_is_that_of_the_lock() -> None:
    assert f"litellm[proxy]=={version()}" in LOCK.read_text()


def test_it_offers_the_models_of_openais_cases_at_the_upstream() -> None:
    models = yaml.safe_load(configuration(UPSTREAM))["model_list"]

    bases = {model["model_name"]: model["litellm_params"]["api_base"] for model in models}
    for case in (Case("openai-images", "64 KiB", 1), wave(200)):
        path = case.upstream_path.removesuffix("/images/generations")
        assert bases[case.model] == UPSTREAM + path
