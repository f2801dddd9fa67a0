"""The contract between the operator, the gateway and the authors of manifests.

Resources (`ImageModel`, `ProviderBinding`) are the manifests; gateways read the compiled
`Catalog`. One set of pydantic models describes both, so that the CRDs, the ConfigMap and the
gateway's types always agree. This package does no I/O, has no clock, and imports no framework.

    resources.py   ImageModel and ProviderBinding as Kubernetes objects
    image_model.py, provider_binding.py, pricing.py   their specs
    price_changes.py   the later prices of a binding, and the one of a moment
    conditions.py  the conditions that the statuses of all kinds have
    sizes.py       the image sizes of a model, and the nearest one to a requested size
    costs.py       the ceiling and the cost of a request
    catalog.py     the compiled snapshot
    compiler.py    resources -> catalog and problems
    bundle.py      catalog <-> the bytes of a ConfigMap
    reading.py     reads successive catalogs, and only their changed items
"""
