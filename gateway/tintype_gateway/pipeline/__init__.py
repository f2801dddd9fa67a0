"""The path of a request: `pipeline.py` has its stages in order, the serializers its responses."""
