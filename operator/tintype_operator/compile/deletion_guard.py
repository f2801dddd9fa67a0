"""The guard against publishing a catalog that lost most of its models by mistake.

Gateways serve whatever catalog is published. A loss is legitimate if the objects were deleted or
edited, or if the models have retired. Otherwise its cause is an error in the operator or in the API
server, and the catalog is not published.
"""

import datetime
from collections.abc import Collection

from tintype_catalog.catalog import Catalog
from tintype_operator.watch.cache import Key

SMALL = 10
"""A catalog of at most this many active models may lose all of them, as in a first trial."""


def refusal(
    before: Catalog | None, after: Catalog, changed: Collection[Key], today: datetime.date
) -> str:
    """Return why `after` must not replace `before`, or an empty string if it may.

    Args:
        before: The published catalog, None if there is none.
        after: The catalog to publish.
        changed: The objects that were deleted or edited since `before`.
        today: The day in UTC. A retired model counts in neither catalog.
    """
    if before is None:
        return ""
    active = active_models(before, today)
    lost = active - active_models(after, today)
    unexplained = {name for name in lost if not _causes(before, name) & set(changed)}
    if len(active) <= SMALL or 2 * len(unexplained) <= len(active):
        return ""
    return (
        f"{len(unexplained)} of {len(active)} active models would be removed, but their objects "
        "were not deleted or edited, so the published catalog stays as it is."
    )


def active_models(catalog: Catalog, today: datetime.date) -> set[str]:
    """Return the names of the models that can be served on a day."""
    bound = {binding.model_ref.name for binding in catalog.bindings if binding.active}
    return {
        model.name
        for model in catalog.models
        if model.name in bound and model.lifecycle.state(today) != "Retired"
    }


def _causes(before: Catalog, model: str) -> set[Key]:
    """Return the objects whose deletion or edit can remove the model from the catalog."""
    bindings = (binding for binding in before.bindings if binding.model_ref.name == model)
    return {("ImageModel", model), *(("ProviderBinding", binding.name) for binding in bindings)}
