"""`catalog`: what nodes there are."""

import json
import sys
from pathlib import Path

from engine.api import CATALOG_FILE, ModelFolders, load_catalog
from engine.cli.node_page import render_node_page
from engine.graph.catalog import Catalog

NODE_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "nodes.md"


def print_catalog() -> None:
    """Print the nodes in the shape of ComfyUI's object_info; choices of files are empty."""
    info = load_catalog().object_info(ModelFolders(()))
    sys.stdout.write(json.dumps(info, indent=1, ensure_ascii=False) + "\n")


def write_catalog() -> None:
    """Generate engine/catalog.json and docs/reference/nodes.md from the node functions."""
    catalog = current_catalog()
    CATALOG_FILE.write_text(render_catalog(catalog), encoding="utf-8")
    NODE_PAGE.write_text(render_node_page(catalog), encoding="utf-8")


def current_catalog() -> Catalog:
    """All nodes as their functions say. Loads torch."""
    from engine.nodes import NODES

    return Catalog.of(node.schema for node in NODES)


def render_catalog(catalog: Catalog) -> str:
    """What engine/catalog.json has to hold."""
    return json.dumps(catalog.to_json(), indent=1, ensure_ascii=False) + "\n"
