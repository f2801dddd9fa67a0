"""The objects that the operator writes for the gateways: the catalog and the credentials."""
