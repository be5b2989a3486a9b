"""Backends that the core ships: an artifact store over a folder, and a model registry over any artifact store."""
