"""Guardrails: a policy service of the operator's own decides on prompts and images.

`protocol` is what gateway and service say to each other, `service` asks one question, `guard`
decides what follows from the verdict, or from none, and `images` describes images.
"""
