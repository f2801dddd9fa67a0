"""Around the compiler of the catalog: parsed objects are cached, and a sudden loss is refused."""
