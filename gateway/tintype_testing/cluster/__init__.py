"""A real Kubernetes control plane for tests: etcd, API server and controller manager."""
