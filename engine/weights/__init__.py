"""Weights on disk: what a file holds (header.py), names and shapes (shapes.py), lazy tensors (tensors.py)."""
