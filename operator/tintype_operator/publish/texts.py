"""The JSON texts of the entries of the catalog: an edit changes few of them."""

from tintype_catalog.catalog import Catalog, Entry, canonical


class EntryTexts:
    """Makes the text of each entry once, while the entry is the same object."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[tuple[type[Entry], str], tuple[Entry, str]] = {}

    def __call__(self, entry: Entry) -> str:
        """Return what `canonical` returns."""
        key = type(entry), entry.name
        known, text = self._known.get(key, (None, ""))
        if known is not entry:
            text = canonical(entry)
            self._known[key] = entry, text
        return text

    def forget_others(self, catalog: Catalog) -> None:
        """Drop the texts of entries that a catalog does not have."""
        entries: tuple[Entry, ...] = (*catalog.models, *catalog.bindings)
        names = {(type(entry), entry.name) for entry in entries}
        self._known = {key: known for key, known in self._known.items() if key in names}
