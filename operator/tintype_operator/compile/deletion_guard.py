"""Against the disaster that looks like an edit: a catalog that suddenly lost most of its models.

Gateways serve what they are given. So a loss that nobody asked for, by a deletion, an edit or a
date, is not published: the cause is a fault of ours or of the API server's.
"""

import datetime
from collections.abc import Collection

from tintype_catalog.catalog import Catalog
from tintype_operator.watch.cache import Key

SMALL = 10
"""A catalog of so many active models may lose all of them: people try things out."""


def refusal(
    before: Catalog | None, after: Catalog, touched: Collection[Key], today: datetime.date
) -> str:
    """Return why `after` must not replace `before`, empty if it may.

    Args:
        before: What is published, None where there is nothing.
        after: What is to be published.
        touched: The objects that were deleted or edited since `before`.
        today: The day in UTC. A model that is retired counts in neither catalog.
    """
    if before is None:
        return ""
    active = active_models(before, today)
    lost = active - active_models(after, today)
    unexplained = {name for name in lost if not _causes(before, name) & set(touched)}
    if len(active) <= SMALL or 2 * len(unexplained) <= len(active):
        return ""
    return (
        f"{len(unexplained)} of {len(active)} active models would be removed, but their objects "
        "were not deleted or edited, so the published catalog stays as it is."
    )


def active_models(catalog: Catalog, today: datetime.date) -> set[str]:
    """Return the names of the models that can be served on that day."""
    bound = {binding.model_ref.name for binding in catalog.bindings if binding.active}
    return {
        model.name
        for model in catalog.models
        if model.name in bound and model.lifecycle.state(today) != "Retired"
    }


def _causes(before: Catalog, model: str) -> set[Key]:
    """Return the objects whose deletion or edit can make the model vanish."""
    bindings = (binding for binding in before.bindings if binding.model_ref.name == model)
    return {("ImageModel", model), *(("ProviderBinding", binding.name) for binding in bindings)}
