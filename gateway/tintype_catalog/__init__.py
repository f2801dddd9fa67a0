"""The contract between the operator, the gateway and everybody who writes manifests.

Resources (`ImageModel`, `ProviderBinding`) are what people write; the `Catalog` is what gateways
read. One set of pydantic models describes both, so that the CRDs, the ConfigMap and the gateway's
types cannot drift apart. Nothing here does I/O, knows a clock, or imports a framework.

    resources.py   ImageModel and ProviderBinding as Kubernetes objects
    image_model.py, provider_binding.py, pricing.py   their specs
    sizes.py       which image sizes a model offers, and the nearest one to a wish
    costs.py       what a request may cost at most, and what it did cost
    catalog.py     the compiled snapshot
    compiler.py    resources -> catalog and problems
    bundle.py      catalog <-> the bytes of a ConfigMap
    reading.py     one catalog after another, each item read once
"""
