"""The parse cache of the catalog's compiler, and the guard against a sudden loss of models."""
