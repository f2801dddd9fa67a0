"""Where pictures are kept that are answered as a URL, or that a repeat may ask for.

A bucket of S3, or a folder whose URLs the gateway serves itself. Names are random, so that nobody
finds a picture by guessing; a URL is signed, and ends.
"""
