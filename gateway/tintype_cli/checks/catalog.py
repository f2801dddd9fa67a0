"""Checks the catalog of a folder."""

from collections.abc import Iterator

from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests
from tintype_cli.checks.finding import Finding
from tintype_gateway.catalog.folder import FolderError, ManifestFolder
from tintype_gateway.server import STARTER
from tintype_gateway.settings import GatewaySettings

CHECK = "catalog"


def folder_catalog(settings: GatewaySettings) -> tuple[Catalog, list[Finding]]:
    """Return the catalog of the settings' folder, and what is to be said of it."""
    overlays = [] if settings.catalog_overlay is None else [settings.catalog_overlay]
    path = settings.catalog_dir or STARTER
    try:
        manifests = ManifestFolder(path, tuple(overlays)).read()
    except FolderError as error:
        advice = "correct TINTYPE_CATALOG_DIR or the file"
        return Catalog(), [Finding(CHECK, "problem", str(error), advice)]
    catalog, problems = compile_manifests(manifests)
    found = [
        Finding(CHECK, "problem", str(each), "correct the manifest; `tintype catalog check` tells")
        for each in problems
    ]
    return catalog, [*found, *_summary(catalog, "starter" if path == STARTER else str(path))]


def _summary(catalog: Catalog, name: str) -> Iterator[Finding]:
    counts = f"{len(catalog.models)} models, {len(catalog.bindings)} bindings"
    if catalog.models:
        yield Finding(CHECK, "ok", f"{name}: {counts}, revision {catalog.revision()[:12]}")
    else:
        yield Finding(
            CHECK, "problem", f"{name} has no model", "add ImageModels and ProviderBindings"
        )
