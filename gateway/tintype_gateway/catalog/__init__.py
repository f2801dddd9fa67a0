"""The sources of the catalog, and the snapshot that requests use.

snapshot.py    a catalog with its indexes, which a request uses to its end
store.py       the current snapshot, replaced atomically
loading.py     checks, serves and stores the files of a published catalog
last_good.py   the last served catalog, on disk
folder.py      a folder of manifests
mount.py       a mounted ConfigMap
watch.py       the same ConfigMap, watched at the API server
"""
