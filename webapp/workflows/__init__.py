"""Saved graphs. A workflow is a name; its versions never change."""
