"""The control plane: it compiles ImageModels and ProviderBindings into the gateways' catalog.

run.py         the process: checks before the start, supervision, exit code
preflight.py   are definitions and rights there?
handlers.py    kopf's triggers: every event goes to the aggregator
aggregator.py  the one task that makes of all objects a catalog and conditions
cache.py       the objects as they are now
pulse.py       many events, one pass
publisher.py   the catalog on its way to the ConfigMap
conditions.py  what is said of an object; reporter.py brings it there
crd.py         the contract's models as CustomResourceDefinitions, by schema.py
"""
