"""The nodes for conditioning and control offer what ComfyUI 0.3.64 says in its object_info."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import api

EXPECTED: dict[str, Any] = json.loads(
    Path(__file__).with_name("fixtures").joinpath("conditioning_nodes.json").read_text(encoding="utf-8")
)
FOUND: dict[str, Any] = json.loads(json.dumps(api.load_catalog().object_info(api.ModelFolders(()))))


def sections_of(node: dict[str, Any]) -> dict[str, list[tuple[str, Any, dict[str, Any]]]]:
    """Required and optional inputs in their order, without our tooltips."""
    return {
        section: [
            (name, kind, {key: value for key, value in options.items() if key != "tooltip"})
            for name, (kind, options) in inputs.items()
        ]
        for section, inputs in node["input"].items()
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_node_has_comfyuis_inputs_and_outputs(name: str) -> None:
    found, expected = FOUND[name], EXPECTED[name]
    assert sections_of(found) == sections_of(expected)
    assert {key: found[key] for key in expected if key != "input"} == {
        key: value for key, value in expected.items() if key != "input"
    }
