"""Inspection and conversion of image bytes."""
