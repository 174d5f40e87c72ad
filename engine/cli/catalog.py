"""`catalog`: what nodes there are."""

import json
import sys

from engine.api import CATALOG_FILE, ModelFolders, load_catalog
from engine.graph.catalog import Catalog


def print_catalog() -> None:
    """Print the nodes in the shape of ComfyUI's object_info; choices of files are empty."""
    info = load_catalog().object_info(ModelFolders(()))
    sys.stdout.write(json.dumps(info, indent=1, ensure_ascii=False) + "\n")


def write_catalog() -> None:
    """Generate engine/catalog.json from the node functions."""
    CATALOG_FILE.write_text(render_catalog(), encoding="utf-8")


def render_catalog() -> str:
    """What engine/catalog.json has to hold. Loads torch."""
    from engine.nodes import NODES

    catalog = Catalog.of(node.schema for node in NODES)
    return json.dumps(catalog.to_json(), indent=1, ensure_ascii=False) + "\n"
