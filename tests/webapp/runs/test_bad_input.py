"""Bad prompts and bodies: a problem that names the node and the input, never a 5xx."""

import json
from typing import Any

import pytest

from tests.webapp.conftest import Caller
from tests.webapp.prompts import Prompt, image_to_image, text_to_image
from webapp.common.limits import MAX_JSON_BYTES
from webapp.runs.models import Run


def changed(node: str, **inputs: object) -> Prompt:
    prompt = text_to_image()
    prompt[node]["inputs"] |= inputs
    return prompt


def without(node: str, name: str) -> Prompt:
    prompt = text_to_image()
    del prompt[node]["inputs"][name]
    return prompt


def with_unknown_node() -> Prompt:
    prompt = text_to_image()
    prompt["9"]["class_type"] = "NoSuchNode"
    return prompt


def with_cycle() -> Prompt:
    prompt = text_to_image()
    prompt["10"] = {
        "class_type": "LatentUpscale",
        "inputs": {
            "samples": ["3", 0],
            "upscale_method": "bilinear",
            "width": 64,
            "height": 64,
            "crop": "disabled",
        },
    }
    prompt["3"]["inputs"]["latent_image"] = ["10", 0]
    return prompt


BAD_PROMPTS = {
    "unknown node": (with_unknown_node(), "9", None),
    "missing input": (without("3", "steps"), "3", "steps"),
    "wrong type": (changed("3", steps="many"), "3", "steps"),
    "out of range": (changed("3", steps=-1), "3", "steps"),
    "not in list": (changed("3", sampler_name="fast"), "3", "sampler_name"),
    "missing model": (changed("4", ckpt_name="none.safetensors"), "4", "ckpt_name"),
    "path as a model": (changed("4", ckpt_name="../../secret_key"), "4", "ckpt_name"),
    "unknown link": (changed("8", samples=["77", 0]), "8", "samples"),
    "wrong socket": (changed("8", samples=["4", 2]), "8", "samples"),
    "missing picture": (image_to_image("none.png"), "1", "image"),
    "foreign digest": (image_to_image("asset:" + "0" * 64), "1", "image"),
    "path as a picture": (image_to_image("../../etc/passwd"), "1", "image"),
}


@pytest.mark.parametrize("case", BAD_PROMPTS)
def test_a_bad_prompt_is_told_by_node_and_input(case: str, as_alice: Caller) -> None:
    prompt, node, name = BAD_PROMPTS[case]
    answer = as_alice.post("runs", {"prompt": prompt})
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert (node, name) in [(error["node"], error["input"]) for error in answer.json()["errors"]]
    assert Run.objects.count() == 0


def test_a_cycle_is_told(as_alice: Caller) -> None:
    answer = as_alice.post("runs", {"prompt": with_cycle()})
    assert answer.status_code == 422
    assert "cycle" in [error["code"] for error in answer.json()["errors"]]


def test_all_faults_are_told_at_once(as_alice: Caller) -> None:
    prompt = changed("3", steps=-1, cfg="much", sampler_name="fast")
    errors = as_alice.post("runs", {"prompt": prompt}).json()["errors"]
    assert {error["input"] for error in errors} >= {"steps", "cfg", "sampler_name"}


def test_an_output_that_cannot_run_keeps_no_other_from_running(as_alice: Caller) -> None:
    prompt = text_to_image()
    prompt["10"] = {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "../up"}}
    answer = as_alice.post("runs", {"prompt": prompt})
    assert answer.status_code == 201
    assert [(found["node"], found["input"]) for found in answer.json()["problems"]] == [
        ("10", "filename_prefix")
    ]


def test_a_run_of_all_outputs_has_no_problems(as_alice: Caller) -> None:
    assert as_alice.post("runs", {"prompt": text_to_image()}).json()["problems"] == []


SHAPES: dict[str, Any] = {
    "empty": {},
    "node is a list": {"1": []},
    "node without class": {"1": {"inputs": {}}},
    "class is a number": {"1": {"class_type": 5, "inputs": {}}},
    "inputs is a list": {"1": {"class_type": "KSampler", "inputs": []}},
    "node is null": {"1": None},
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_prompt_of_the_wrong_shape_is_invalid(case: str, as_alice: Caller) -> None:
    assert as_alice.post("runs", {"prompt": SHAPES[case]}).status_code == 422


BODIES: dict[str, tuple[bytes, int]] = {
    "malformed": (b'{"prompt": ', 400),
    "not UTF-8": (b'{"prompt": "\xff"}', 400),
    "NaN": (b'{"prompt": {"1": {"class_type": "X", "inputs": {"a": NaN}}}}', 400),
    "Infinity": (b'{"prompt": {"1": -Infinity}}', 400),
    "too large a number": (b'{"prompt": {"1": 1e400}}', 400),
    "too many digits": (b'{"prompt": {"1": ' + b"9" * 5000 + b"}}", 400),
    "NUL": (b'{"prompt": {"1": "a\\u0000b"}}', 400),
    "NUL in a key": (b'{"prompt": {"a\\u0000b": 1}}', 400),
    "lone surrogate": (b'{"prompt": {"1": "\\ud800"}}', 400),
    "deep nesting": (b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "nesting in a workflow": (b'{"prompt": {}, "workflow": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}", 400),
    "no object": (b"[]", 422),
    "no prompt": (b"{}", 422),
    "prompt is text": (b'{"prompt": "x"}', 422),
    "empty": (b"", 422),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_bad_body_is_a_problem(case: str, as_alice: Caller) -> None:
    body, status = BODIES[case]
    answer = as_alice.client.post(f"{as_alice.root}/runs", body, content_type="application/json")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_of_one_byte_too_many_is_too_large(as_alice: Caller) -> None:
    body = json.dumps({"prompt": {}}).encode().ljust(MAX_JSON_BYTES + 1)
    answer = as_alice.client.post(f"{as_alice.root}/runs", body, content_type="application/json")
    assert answer.status_code == 413


def test_a_form_is_no_run(as_alice: Caller) -> None:
    answer = as_alice.client.post(f"{as_alice.root}/runs", b'{"prompt": {}}', content_type="text/plain")
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["runs/nonsense", "assets/nonsense", "workflows/nonsense"])
def test_an_id_that_is_none_is_not_found(path: str, as_alice: Caller) -> None:
    assert as_alice.get(path).status_code == 404


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"limit": 201}, {"limit": "many"}])
def test_a_wrong_page_is_invalid(query: dict[str, object], as_alice: Caller) -> None:
    assert as_alice.get("runs", **query).status_code == 422


def test_an_endless_key_is_invalid(as_alice: Caller) -> None:
    answer = as_alice.post("runs", {"prompt": text_to_image()}, **{"Idempotency-Key": "k" * 201})
    assert answer.status_code == 422


def test_an_address_that_is_none_is_a_problem(as_alice: Caller) -> None:
    answer = as_alice.client.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_a_foreign_host_is_refused(as_alice: Caller) -> None:
    assert as_alice.client.get("/api/v1/session", headers={"host": "evil.example"}).status_code == 400
