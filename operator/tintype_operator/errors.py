"""Errors that end the operator, each with a one-sentence message for its administrator."""


class OperatorError(Exception):
    """The operator cannot do its work, and going on will not help."""


class PreflightError(OperatorError):
    """The cluster is not prepared: definitions or rights are missing."""


class LeadershipLostError(OperatorError):
    """Another operator may work from now on; this one begins anew by a restart."""


class ReleaseTakenError(OperatorError):
    """Another operator serves the same objects, in a catalog of its own."""


class NewerCatalogError(OperatorError):
    """The published catalog is of a newer schema, which this version must not overwrite."""
