"""The control plane: it compiles ImageModels and ProviderBindings into the gateways' catalog.

run.py          the process: checks before the start, supervision, exit code
preflight.py    are definitions and rights there?
claim.py        are the objects ours, or those of another release's operator
election.py     which of several operators works
health.py       liveness probe and metrics
handlers.py     kopf's triggers: every event goes to the aggregator
aggregator.py   the one task that makes of all objects a catalog and conditions
world.py        the objects and Secrets as they are now, each kind in a cache.py
pulse.py        many events, one pass
publisher.py    the catalog on its way to the ConfigMap, unless guard.py holds it back
credentials.py  the Secrets on their way to the one that gateways read
gateways.py     what the gateways serve; polling.py knows when to ask
parsing.py      each revision of an object, parsed once
judging.py      which objects are told something new; a report is due for them
findings.py     what is said of an object; conditions.py puts it in Kubernetes' shape
reporter.py     the conditions on their way to the objects; events.py tells people of transitions
crd.py          the contract's models as CustomResourceDefinitions, by schema.py
"""
