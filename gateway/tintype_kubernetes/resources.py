"""The Kubernetes resources that Tintype reads or writes, with their paths."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One resource of the Kubernetes API."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of an object of this resource."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, of an object, or of its subresource."""
        root = "apis" if self.group else "api"
        scope = f"namespaces/{namespace}" if self.namespaced and namespace else ""
        parts = (root, self.api_version, scope, self.plural, name, subresource)
        return "/" + "/".join(part for part in parts if part)


CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
EVENTS = Resource("", "v1", "events", "Event")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
IMAGE_MODELS = Resource("tintype.dev", "v1alpha1", "imagemodels", "ImageModel")
PROVIDER_BINDINGS = Resource("tintype.dev", "v1alpha1", "providerbindings", "ProviderBinding")
ACCOUNTS = Resource("tintype.dev", "v1alpha1", "accounts", "Account")
API_KEYS = Resource("tintype.dev", "v1alpha1", "apikeys", "ApiKey")
CREDIT_GRANTS = Resource("tintype.dev", "v1alpha1", "creditgrants", "CreditGrant")
TOKEN_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
)
