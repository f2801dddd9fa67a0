"""Does the model take the images of a request, its mask and its `input_fidelity`?

What it does not take is an error that names the models that do, and never dropped: the provider
would make an image that the client did not ask for.
"""

from collections.abc import Callable

from tintype_catalog.catalog import Model
from tintype_catalog.operations import OperationRule
from tintype_gateway.api.requests import ValidRequest
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.values.plan import Operation
from tintype_gateway.values.routes import Target


def check_inputs(request: ValidRequest, target: Target, operation: Operation, view: View) -> None:
    """Refuse a request whose images, mask or fidelity the model does not take.

    `view` is what the caller may use.

    Raises:
        UnsupportedParameterError: The model takes fewer or more images, takes no mask or needs one,
            or does not take `input_fidelity`.
    """
    _check_count(request, target, operation, view)
    _check_mask(request, target, operation, view)
    fidelity = vars(request.fields).get("input_fidelity")  # only edits have the field
    if fidelity is not None and not _takes_fidelity(target.model):
        raise _refused("input_fidelity", target, "does not take it", view, _takes_fidelity)


def _check_count(request: ValidRequest, target: Target, operation: Operation, view: View) -> None:
    sent, rule = len(request.images), target.rule
    if sent < rule.min_images:
        raise UnsupportedParameterError(
            f"`image`: the model {target.requested!r} needs {_images(rule.min_images)}, "
            f"and the request has {sent or 'none'}",
            param="image",
            code="missing_required_parameter",
        )
    if sent > rule.max_images:
        raise _refused(
            "image",
            target,
            f"takes at most {_images(rule.max_images)}, and the request has {sent}",
            view,
            _with_rule(operation, lambda other: other.max_images >= sent),
        )


def _check_mask(request: ValidRequest, target: Target, operation: Operation, view: View) -> None:
    if request.mask is not None and target.rule.mask == "None":
        takes_mask = _with_rule(operation, lambda other: other.mask != "None")
        raise _refused("mask", target, "does not take one", view, takes_mask)
    if request.mask is None and target.rule.mask == "Required":
        raise UnsupportedParameterError(
            f"`mask`: the model {target.requested!r} needs one",
            param="mask",
            code="missing_required_parameter",
        )


def _with_rule(
    operation: Operation, suits: Callable[[OperationRule], bool]
) -> Callable[[Model], bool]:
    """Return whether a model has the operation, with a rule that suits."""

    def has_rule(model: Model) -> bool:
        rule = model.operation_rule(operation.rule)
        return rule is not None and suits(rule)

    return has_rule


def _takes_fidelity(model: Model) -> bool:
    return model.parameters.input_fidelity.handling not in ("Strip", "Reject")


def _refused(
    param: str, target: Target, why: str, view: View, suits: Callable[[Model], bool]
) -> UnsupportedParameterError:
    message = f"`{param}`: the model {target.requested!r} {why}"
    return UnsupportedParameterError(message + view.suggestion(suits), param=param)


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
