"""The operator: it compiles resources into a catalog, and tells each resource what became of it.

It watches ImageModels, ProviderBindings and Secrets through kopf, publishes the catalog as a
ConfigMap, and writes conditions. It never imports the gateway: both meet in `tintype_catalog`.

aggregator.py   one pass, from the objects to the published catalog: read this first
watch/          events and lists: the objects and Secrets as they are
compile/        parsed objects are cached, and a sudden loss of models is refused
publish/        the ConfigMaps of the catalog, and the Secret with the gateways' credentials
status/         conditions, their writer, and what the gateways serve
process/        start, checks, leader election, probes
crd.py          the CustomResourceDefinitions, from the models of the catalog
"""
