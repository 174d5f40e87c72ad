"""The nodes that change models offer what ComfyUI 0.3.64 says of them in its object_info."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import api

EXPECTED: dict[str, Any] = json.loads(
    Path(__file__).with_name("fixtures").joinpath("patch_nodes.json").read_text(encoding="utf-8")
)
FOUND: dict[str, Any] = json.loads(json.dumps(api.load_catalog().object_info(api.ModelFolders(()))))


def inputs_of(node: dict[str, Any], section: str) -> dict[str, Any]:
    """Kinds and options by name, without what only the editor shows."""
    found: dict[str, Any] = node["input"].get(section, {})
    return {
        name: [kind, {key: value for key, value in options.items() if key not in ("tooltip", "multiline")}]
        for name, (kind, options) in found.items()
    }


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("section", ["required", "optional"])
def test_a_node_has_comfyuis_inputs_in_their_order(name: str, section: str) -> None:
    found, expected = inputs_of(FOUND[name], section), EXPECTED[name]["input"].get(section, {})
    assert list(found.items()) == list(expected.items())


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("key", ["output", "output_name", "category", "output_node"])
def test_a_node_has_comfyuis_outputs_and_place(name: str, key: str) -> None:
    assert FOUND[name][key] == EXPECTED[name][key]
