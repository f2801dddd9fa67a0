"""Which models there are, for those parts of the operator that do not compile the catalog."""

from collections.abc import Iterable


class KnownModels:
    """The ids of the catalog's models, None before it was compiled once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.ids: frozenset[str] | None = None

    def learn(self, ids: Iterable[str]) -> None:
        """Replace the ids by those of a newer catalog."""
        self.ids = frozenset(ids)
