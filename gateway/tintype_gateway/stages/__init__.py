"""The stages of a request: frozen values in, frozen values out, and none knows another."""
