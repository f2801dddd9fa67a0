"""Errors that end the operator, each with a one-sentence message for the administrator."""


class OperatorError(Exception):
    """The operator cannot work, and a retry does not help."""


class PreflightError(OperatorError):
    """CustomResourceDefinitions or permissions are missing."""


class LeadershipLostError(OperatorError):
    """Another operator may be the leader from now on, so this process must restart."""


class ReleaseTakenError(OperatorError):
    """Another operator serves the same objects in a different catalog."""


class NewerCatalogError(OperatorError):
    """The published catalog has a newer schema, which this version must not overwrite."""
