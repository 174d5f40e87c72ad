"""The nodes for sampling offer what ComfyUI 0.3.64, or 0.8.0 for later ones, says in its object_info."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import api

EXPECTED: dict[str, Any] = json.loads(
    Path(__file__).with_name("fixtures").joinpath("sampling_nodes.json").read_text(encoding="utf-8")
)
FOUND: dict[str, Any] = json.loads(json.dumps(api.load_catalog().object_info(api.ModelFolders(()))))


def without_tooltips(inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [kind, {key: value for key, value in options.items() if key != "tooltip"}]
        for name, (kind, options) in inputs.items()
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_node_has_comfyuis_inputs_and_outputs(name: str) -> None:
    found, expected = FOUND[name], EXPECTED[name]
    inputs = without_tooltips(found["input"]["required"])
    assert inputs == expected["input"].get("required", {})
    assert list(inputs) == list(expected["input"].get("required", {}))
    assert {key: found[key] for key in expected if key != "input"} == {
        key: value for key, value in expected.items() if key != "input"
    }
