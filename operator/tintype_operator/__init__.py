"""The operator: it compiles resources into a catalog, and writes a status to each resource.

It watches ImageModels, ProviderBindings and Secrets through kopf, publishes the catalog as a
ConfigMap, and writes conditions. It never imports the gateway: both share `tintype_catalog`.

aggregator.py   one pass, from the objects to the published catalog: read this first
watch/          events and lists: the current objects and Secrets
compile/        the parse cache, and the guard against a sudden loss of models
publish/        the ConfigMaps of the catalog, and the Secret with the gateways' credentials
status/         conditions, their writer, and which catalog the gateways serve
process/        start, preflight checks, leader election, liveness probe
memory.py       what is done for the memory of thousands of objects
crd.py          the CustomResourceDefinitions, from the models of the catalog
"""
