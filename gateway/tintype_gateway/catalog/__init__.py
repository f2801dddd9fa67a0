"""Where the catalog comes from, and how a new one takes the place of the old one.

snapshot.py    a catalog with its indexes: what a request holds on to
store.py       the current snapshot, swapped by one reference
loading.py     what is done with the files of a published catalog
last_good.py   the last one that was served, on disk
folder.py      a folder of manifests
mount.py       a mounted ConfigMap
watch.py       the same ConfigMap, watched at the API server
"""
