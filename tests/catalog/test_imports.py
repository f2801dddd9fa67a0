import subprocess
import sys

LIST_MODULES = """
import importlib, pkgutil, sys, tintype_catalog
for module in pkgutil.walk_packages(tintype_catalog.__path__, "tintype_catalog."):
    importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_contract_knows_no_framework() -> None:
    """Importing the catalog package loads no library except pydantic."""
    finished = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], capture_output=True, text=True, check=True
    )
    loaded = set(finished.stdout.split())

    assert "tintype_catalog" in loaded
    assert not loaded & {
        *{"aiohttp", "kopf", "kubernetes", "PIL", "prometheus_client", "sqlite3", "yaml"},
        *{"tintype_cli", "tintype_gateway", "tintype_kubernetes", "tintype_operator"},
        "tintype_simulator",
    }
