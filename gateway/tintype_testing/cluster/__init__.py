"""A Kubernetes control plane of one's own: etcd, API server and controller manager."""
