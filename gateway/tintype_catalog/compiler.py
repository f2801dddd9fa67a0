"""From resources to a catalog: pure, deterministic, and without a clock.

An invalid object never blocks the others. It is omitted and its problems are reported, and
`compile_manifests` uses its last good revision, if there is one.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tintype_catalog.catalog import Binding, Catalog, Model
from tintype_catalog.checks import binding_problems, model_problems, prefix_clashes
from tintype_catalog.connection import DEFAULT_NAMESPACE
from tintype_catalog.credentials import (
    ALL_PRESENT,
    REFERENCE_REASONS,
    ConfigMaps,
    References,
    Secrets,
    config_map_problems,
    may_be_sent,
    secret_problems,
)
from tintype_catalog.problems import Problem
from tintype_catalog.resources import (
    ImageModel,
    ObjectMeta,
    ProviderBinding,
    Resource,
    parse_resource,
)

Parse = Callable[[Mapping[str, Any]], Resource | list[Problem]]


class Compilation(NamedTuple):
    """A catalog, and the problems of rejected objects."""

    catalog: Catalog
    problems: tuple[Problem, ...]


def compile_resources(resources: Iterable[Resource]) -> Compilation:
    """Return the catalog of all valid resources, and the problems of the others.

    Of two models that claim the same id the older one wins, and of two of the same age the one
    whose name sorts first. Of a model whose id begins with the label of a provider and a slash,
    and the bindings with this label, the older ones win, and of the same age the bindings.
    Otherwise the order of the resources does not matter, save for two of one kind, name and age,
    of which the first counts: two files can say so, an API server cannot.
    """
    return _compile(sorted(map(located, resources), key=_age), [], _Kept(Catalog()))


def compile_manifests(
    manifests: Iterable[Mapping[str, Any]],
    previous: Catalog | None = None,
    secrets: Secrets | None = None,
    *,
    config_maps: ConfigMaps | None = None,
    parse: Parse = parse_resource,
) -> Compilation:
    """Return the catalog of raw objects; an invalid object keeps its revision in `previous`.

    An object that is not in `manifests` is not in the catalog. Valid objects take precedence over
    kept ones, and may refer to them. The problems are those of the current objects.

    With `secrets`, a new binding needs its Secret. The last good revision of a binding stays
    without its Secret, so that the error of a request can name the binding. But a revision does not
    stay if it would send a Secret to a host that the Secret does not allow now. With `config_maps`,
    a new binding also needs its ConfigMap.

    Most of the time is spent in `parse`, which a caller may cache for each revision of an object.
    """
    parsed = [parse(manifest) for manifest in manifests]
    resources = [item for item in parsed if not isinstance(item, list)]
    unreadable = [problem for item in parsed if isinstance(item, list) for problem in item]
    kept = _Kept(Catalog() if previous is None else previous)
    ordered = sorted(map(located, resources), key=_age)
    return _compile(ordered, unreadable, kept, References(secrets, config_maps))


def entered(resource: Resource) -> Resource:
    """Return a resource whose `spec` is already its entry in the catalog.

    A caller that keeps parsed resources keeps one copy of each specification instead of two, and
    equal entries in successive catalogs are the same objects.
    """
    entry = _model(resource) if isinstance(resource, ImageModel) else _binding(resource)
    return resource.model_copy(update={"spec": entry})


def _compile(
    ordered: Sequence[Resource],
    unreadable: Sequence[Problem],
    kept: "_Kept",
    references: References = ALL_PRESENT,
) -> Compilation:
    """Compile resources; an earlier one takes precedence over later and kept ones.

    Objects that make an id ambiguous are removed in rounds, because removing a model also removes
    its bindings, and perhaps the last one with a provider label.
    """
    ages = {id(item): item.metadata.creation_timestamp or "" for item in ordered}
    problems = list(unreadable)
    while True:
        models, bindings, faults = _sound(ordered, problems, kept, references)
        clashes = prefix_clashes(
            models.values(), bindings.values(), lambda item: ages.get(id(item))
        )
        if not clashes:
            return Compilation(_catalog(models, bindings), (*problems, *faults))
        refused = {id(resource) for resource, _ in clashes}
        problems += [problem for resource, problem in clashes if id(resource) in ages]
        ordered = [item for item in ordered if id(item) not in refused]
        kept.refuse(refused)


def _sound(
    ordered: Sequence[Resource],
    known: Sequence[Problem],
    kept: "_Kept",
    references: References,
) -> tuple[dict[str, ImageModel], dict[str, ProviderBinding], list[Problem]]:
    """Return models and bindings of resources, with kept revisions of invalid ones.

    The problems are those that are not in `known`.
    """
    problems = list(known)
    models, faults = _models(ordered)
    problems += faults
    if broken := kept.of(problems):
        models, _ = _models([*ordered, *broken])
    bindings, faults = _bindings(ordered, models, references)
    problems += faults
    secrets = references.secrets
    if broken := [item for item in kept.of(problems) if _may_stay(item, secrets)]:
        locked = {
            (problem.kind, problem.name)
            for problem in faults
            if problem.reason in REFERENCE_REASONS
        }
        able = [item for item in ordered if _identity(item) not in locked]
        bindings, _ = _bindings([*able, *broken], models)
    return models, bindings, problems[len(known) :]


class _Kept:
    """The revisions in the previous catalog; only those that are needed become resources."""

    def __init__(self, previous: Catalog) -> None:
        self._previous = previous
        self._revisions: dict[int, Resource] = {}
        self._refused: set[int] = set()

    def of(self, problems: Sequence[Problem]) -> list[Resource]:
        """Return the revisions of the objects that have problems now."""
        names = {(problem.kind, problem.name) for problem in problems}
        if not names:
            return []
        entries: list[Model | Binding] = [
            *(item for item in self._previous.models if ("ImageModel", item.name) in names),
            *(item for item in self._previous.bindings if ("ProviderBinding", item.name) in names),
        ]
        revisions = map(self._revision, entries)
        return [item for item in revisions if id(item) not in self._refused]

    def refuse(self, resources: Collection[int]) -> None:
        """Return the resources with these ids no more."""
        self._refused.update(resources)

    def _revision(self, entry: Model | Binding) -> Resource:
        """Return the same resource for an entry each time, so that it can be refused."""
        if id(entry) not in self._revisions:
            self._revisions[id(entry)] = _revision(entry)
        return self._revisions[id(entry)]


def _may_stay(revision: Resource, secrets: Secrets | None) -> bool:
    if secrets is None or isinstance(revision, ImageModel):
        return True
    return may_be_sent(revision.spec, secrets)


def _models(ordered: Sequence[Resource]) -> tuple[dict[str, ImageModel], list[Problem]]:
    """Return the valid models by name, and the problems of the others."""
    problems: list[Problem] = []
    models: dict[str, ImageModel] = {}
    taken: dict[str, str] = {}
    for model in (item for item in ordered if isinstance(item, ImageModel)):
        faults = [*_named_twice(model, models), *model_problems(model, taken)]
        problems += faults
        if not faults:
            models[model.metadata.name] = model
            taken |= dict.fromkeys([model.spec.id, *model.spec.aliases], model.metadata.name)
    return models, problems


def _bindings(
    ordered: Sequence[Resource],
    models: Mapping[str, ImageModel],
    references: References = ALL_PRESENT,
) -> tuple[dict[str, ProviderBinding], list[Problem]]:
    """Return the valid bindings of these models by name, and the problems of the others."""
    problems: list[Problem] = []
    bindings: dict[str, ProviderBinding] = {}
    for binding in (item for item in ordered if isinstance(item, ProviderBinding)):
        faults = [*_named_twice(binding, bindings), *binding_problems(binding, models)]
        if references.secrets is not None:
            faults += secret_problems(binding, references.secrets)
        if references.config_maps is not None:
            faults += config_map_problems(binding, references.config_maps)
        problems += faults
        if not faults:
            bindings[binding.metadata.name] = binding
    return bindings, problems


def _catalog(models: Mapping[str, ImageModel], bindings: Mapping[str, ProviderBinding]) -> Catalog:
    return Catalog(
        models=tuple(_model(models[name]) for name in sorted(models)),
        bindings=tuple(_binding(bindings[name]) for name in sorted(bindings)),
    )


def _model(resource: ImageModel) -> Model:
    spec = resource.spec
    return spec if isinstance(spec, Model) else Model(**_given(resource))


def _binding(resource: ProviderBinding) -> Binding:
    spec = resource.spec
    return spec if isinstance(spec, Binding) else Binding(**_given(resource))


def _given(resource: Resource) -> dict[str, Any]:
    """Return the fields that a resource has in the catalog, without those that it does not set."""
    spec = resource.spec
    given = {field: getattr(spec, field) for field in spec.model_fields_set}
    return given | {"name": resource.metadata.name}


def _revision(entry: Model | Binding) -> Resource:
    metadata = ObjectMeta(name=entry.name)
    if isinstance(entry, Model):
        return ImageModel(metadata=metadata, spec=entry)
    return ProviderBinding(metadata=metadata, spec=entry)


def _named_twice(resource: Resource, known: Mapping[str, Resource]) -> Iterator[Problem]:
    if resource.metadata.name in known:
        yield Problem(
            kind=resource.kind,
            name=resource.metadata.name,
            field="metadata.name",
            message="is the name of another object of this kind",
        )


def located(resource: Resource) -> Resource:
    """Return a resource; a binding to a Service gets the namespace and the URL of the Service."""
    if isinstance(resource, ImageModel) or (service := resource.spec.service_ref) is None:
        return resource
    namespace = service.namespace or resource.metadata.namespace or DEFAULT_NAMESPACE
    there = service.model_copy(update={"namespace": namespace})
    spec = resource.spec.model_copy(update={"service_ref": there, "endpoint": there.url(namespace)})
    return resource.model_copy(update={"spec": spec})


def _age(resource: Resource) -> tuple[str, str]:
    return resource.metadata.creation_timestamp or "", resource.metadata.name


def _identity(resource: Resource) -> tuple[str, str]:
    return resource.kind, resource.metadata.name
