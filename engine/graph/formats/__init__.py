"""How graphs and catalogs are written down by others."""
