"""What ends the operator, each with one sentence for whoever has to repair it."""


class OperatorError(Exception):
    """The operator cannot do its work, and trying again will not help."""


class PreflightError(OperatorError):
    """The cluster is not prepared: definitions or rights are missing."""


class NewerCatalogError(OperatorError):
    """The published catalog is of a newer schema, which this version must not overwrite."""
