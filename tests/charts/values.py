"""Sets of values that users are likely to combine."""

from tintype_testing.chart import Values

DEV: Values = {
    "gateway": {"demo": True},
    "simulator": {"enabled": True},
    "starterCatalog": {"enabled": True, "simulated": True},
    "persistence": {"enabled": False},
}

PRODUCTION: Values = {
    "image": {"registry": "registry.example.com/team", "pullSecrets": [{"name": "registry"}]},
    "commonLabels": {"team": "images"},
    "starterCatalog": {"enabled": True},
    "database": {"existingSecret": "ledger"},
    "ledgerArchive": {"enabled": True, "existingClaim": "archive"},
    "ledgerBackup": {"enabled": True, "existingClaim": "backups"},
    "adminToken": {"existingSecret": "admin"},
    "webhooks": {"existingSecret": "webhooks"},
    "guardrail": {"existingSecret": "guardrail", "outputImages": "preview"},
    "adminApi": {
        "tokens": {"existingSecret": "admins"},
        "serviceAccounts": {"roles": {"ci/deploy": "keys"}},
    },
    "s3": {
        "bucket": "images",
        "region": "eu-west-1",
        "accelerate": True,
        "existingSecret": "bucket",
    },
    "jwt": {
        "serviceAccounts": {
            "enabled": True,
            "autoCreateCredits": 100,
            "autoCreateNamespaces": ["web"],
        },
        "issuers": [
            {
                "issuer": "https://id.example.com",
                "audiences": ["tintype"],
                "algorithms": ["RS256"],
                "jwksUrl": "https://id.example.com/keys",
                "accountPrefix": "id:",
            }
        ],
    },
    "operator": {"replicas": 2, "release": "blue", "podAnnotations": {"a": "b"}},
    "gateway": {
        "defaultModelParams": {"gpt-image-2": {"quality": "low"}},
        "extraEnv": [{"name": "TINTYPE_IMAGE_URL_SECONDS", "value": "600"}],
        "podLabels": {"azure.workload.identity/use": "true"},
        "serviceAccountAnnotations": {"azure.workload.identity/client-id": "4d0b2a7e"},
        "extraEnvFrom": [{"configMapRef": {"name": "more", "optional": True}}],
        "allowedPrivateNetworks": ["10.20.0.0/16", "images/vllm"],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
    },
    "service": {"annotations": {"a": "b"}},
    "autoscaling": {"enabled": True},
    "jobs": {"enabled": True, "workers": {"enabled": True, "autoscaling": {"enabled": True}}},
    "networkPolicy": {
        "enabled": True,
        "clientsFrom": [{"namespaceSelector": {}}],
        "adminFrom": [{"podSelector": {}}],
        "gatewayEgress": [{"ports": [{"port": 9000}]}],
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "host": "images.example.com",
        "tlsSecret": "certificate",
    },
}

MATRIX: dict[str, Values] = {
    "defaults": {},
    "dev": DEV,
    "production": PRODUCTION,
    "several gateways": {"gateway": {"replicas": 3}, "database": {"existingSecret": "ledger"}},
    "gateways by load": {
        "database": {"existingSecret": "ledger"},
        "autoscaling": {"enabled": True, "mode": "load"},
    },
    "your own claim": {"persistence": {"existingClaim": "mine"}},
    "another class": {"persistence": {"storageClassName": "fast", "size": "10Gi"}},
    "a server of your own for images": {
        "s3": {
            "bucket": "images",
            "endpoint": "http://minio:9000",
            "pathStyle": True,
            "prefix": "",
            "encryption": "aws:kms",
            "kmsKeyId": "key-7",
        }
    },
    "a folder for images": {
        "imageFolder": {"enabled": True, "publicUrl": "https://images.example.com"}
    },
    "jobs of one gateway": {
        "jobs": {"enabled": True, "key": {"existingSecret": "job-keys"}},
        "imageFolder": {"enabled": True, "publicUrl": "https://images.example.com"},
    },
    "another name": {"fullnameOverride": "images"},
    "no hook": {"crds": {"upgrade": False}},
    "no token reviews": {
        "adminApi": {
            "serviceAccounts": {"enabled": False},
            "operatorToken": {"existingSecret": "operator", "key": "token"},
        }
    },
    "open network": {"networkPolicy": {"enabled": True}, "ingress": {"enabled": True}},
}

ADDED_ON: Values = {
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True, "runbooks": "https://wiki.example.com/tintype"},
        "dashboards": {"enabled": True, "annotations": {"folder": "Images"}},
    },
    "httpRoute": {
        "enabled": True,
        "parentRefs": [{"name": "public"}],
        "hostnames": ["images.example.com"],
    },
}
"""The values of kinds that an API server without further definitions does not know."""
