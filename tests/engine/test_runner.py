import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.api import (
    BadInput,
    Cancelled,
    Event,
    Graph,
    GraphInvalid,
    InputFile,
    InputUnreadable,
    ModelFolders,
    NodeCached,
    NodeFailed,
    NodeStarted,
    OutOfMemory,
    Preview,
    Progress,
    RunnerSettings,
    RunResult,
    WeightsUnreadable,
    parse_prompt,
)
from engine.graph.kinds import Image as ImageValue
from engine.graph.spec import AnyNode, node
from engine.nodes import NODES
from engine.runner import Runner
from tests.engine.prompts import call, copy_picture, txt2img


@dataclass
class Session:
    """A runner and all that its runs report."""

    runner: Runner
    inputs: dict[str, bytes] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    is_cancelled: Callable[[], bool] = lambda: False

    def run(self, prompt: object, workflow: object | None = None, scope: str = "studio") -> RunResult:
        self.events.clear()
        graph = prompt if isinstance(prompt, Graph) else parse_prompt(prompt)
        return self.runner.run(
            graph,
            scope=scope,
            workflow=workflow,
            is_cancelled=lambda: self.is_cancelled(),
            find_input=self.find_input,
            on_event=self.events.append,
        )

    def find_input(self, name: str) -> InputFile:
        if name not in self.inputs:
            raise InputUnreadable(f"there is no input {name!r}")
        return InputFile(name, lambda: self.inputs[name])

    def nodes(self, kind: type[Event]) -> list[str]:
        return [event.node for event in self.events if isinstance(event, kind)]


def open_session(models: Path, extra: tuple[AnyNode, ...] = ()) -> Session:
    return Session(Runner(RunnerSettings(ModelFolders((models,)), "cpu", "fp32"), (*NODES, *extra)))


@pytest.fixture
def session(models: Path) -> Session:
    return open_session(models)


def png_of(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def test_a_text_becomes_a_picture(session: Session) -> None:
    result = session.run(txt2img())
    (output,) = result.outputs
    assert (output.node, output.file.width, output.file.height) == ("7", 64, 64)
    assert Image.open(io.BytesIO(output.file.content)).size == (64, 64)
    assert (result.executed, result.cached) == (7, 0)


def test_each_step_is_reported_with_a_preview(session: Session) -> None:
    session.run(txt2img(steps=3))
    steps = [(event.value, event.total) for event in session.events if isinstance(event, Progress)]
    previews = [event.jpeg for event in session.events if isinstance(event, Preview)]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert len(set(previews)) == 3


def test_prompt_and_workflow_are_in_the_picture(session: Session) -> None:
    (output,) = session.run(txt2img(), workflow={"nodes": [1]}).outputs
    texts = Image.open(io.BytesIO(output.file.content)).text  # type: ignore[attr-defined]
    assert json.loads(texts["prompt"]) == txt2img()
    assert json.loads(texts["workflow"]) == {"nodes": [1]}


def test_another_seed_runs_the_sampler_and_what_follows(session: Session) -> None:
    session.run(txt2img(seed=1))
    result = session.run(txt2img(seed=2))
    assert session.nodes(NodeStarted) == ["5", "6", "7"]
    assert session.nodes(NodeCached) == ["1", "2", "3", "4"]
    assert (result.executed, result.cached) == (3, 4)


def test_the_same_prompt_again_gives_the_same_file_from_the_cache(session: Session) -> None:
    first, second = session.run(txt2img()), session.run(txt2img())
    assert second.executed == 0
    assert second.outputs[0].cached
    assert second.outputs[0].file == first.outputs[0].file


def test_the_same_seed_gives_the_same_picture_in_another_process_scope(session: Session) -> None:
    first, second = (session.run(txt2img(), scope=scope) for scope in ("studio", "rivals"))
    assert second.executed == 7
    assert second.outputs[0].file.content == first.outputs[0].file.content


def test_numbers_may_be_written_as_texts(session: Session) -> None:
    session.run(txt2img(seed=3))
    prompt = txt2img(seed=3)
    prompt["5"]["inputs"].update(seed="3", steps=2.0, cfg="7")
    assert session.run(prompt).executed == 0


def test_a_cancelled_run_stops_within_one_step(session: Session) -> None:
    session.is_cancelled = lambda: len(session.nodes(Progress)) >= 2
    with pytest.raises(Cancelled):
        session.run(txt2img(steps=10))
    assert len(session.nodes(Progress)) == 2


def test_a_runner_goes_on_after_a_cancelled_run(session: Session) -> None:
    session.is_cancelled = lambda: bool(session.nodes(Progress))
    with pytest.raises(Cancelled):
        session.run(txt2img())
    session.is_cancelled = lambda: False
    assert len(session.run(txt2img()).outputs) == 1


def test_an_input_counts_by_its_content(session: Session) -> None:
    session.inputs = {"cat.png": png_of("red"), "copy.png": png_of("red"), "dog.png": png_of("blue")}
    assert [session.run(copy_picture(name)).executed for name in session.inputs] == [2, 0, 2]


def test_an_input_that_is_gone_is_named(session: Session) -> None:
    with pytest.raises(NodeFailed) as failure:
        session.run(copy_picture("gone.png"))
    assert (failure.value.node, failure.value.input, failure.value.code) == ("1", "image", "input_unreadable")


def test_an_input_that_is_no_picture_is_named(session: Session) -> None:
    session.inputs = {"cat.png": b"<svg/>"}
    with pytest.raises(NodeFailed, match=r"node 1 \(LoadImage\), input image: 'cat.png' is no PNG"):
        session.run(copy_picture())


def test_an_invalid_graph_does_not_run(session: Session) -> None:
    prompt = txt2img(steps=0)
    prompt["1"]["inputs"]["ckpt_name"] = "gone.safetensors"
    with pytest.raises(GraphInvalid) as failure:
        session.run(prompt)
    assert [problem.code for problem in failure.value.problems] == ["missing_file", "out_of_range"]
    assert session.events == []


def test_an_output_that_is_not_valid_is_left_out_and_reported(session: Session) -> None:
    session.inputs = {"cat.png": png_of("red")}
    bad = {"3": call("ImageScaleBy", image=["1", 0], upscale_method="nonsense", scale_by=1.0)}
    save = {"4": call("SaveImage", images=["3", 0], filename_prefix="bad")}
    result = session.run({**copy_picture(), **bad, **save})
    assert [output.node for output in result.outputs] == ["2"]
    assert [(problem.node, problem.code) for problem in result.problems] == [("3", "not_in_list")]


@pytest.mark.parametrize("content", [b"\x80\x04 pickle", b"", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_checkpoint_that_is_none_is_blamed_on_its_input(
    models: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "tiny.safetensors").write_bytes(content)
    with pytest.raises(NodeFailed) as failure:
        open_session(tmp_path).run(txt2img())
    assert (failure.value.node, failure.value.input) == ("1", "ckpt_name")
    assert isinstance(failure.value.cause, WeightsUnreadable)


def test_a_changed_checkpoint_runs_again(models: Path, tmp_path: Path) -> None:
    source, target = (
        models / "checkpoints" / "tiny.safetensors",
        tmp_path / "checkpoints" / "tiny.safetensors",
    )
    target.parent.mkdir()
    target.write_bytes(source.read_bytes())
    session = open_session(tmp_path)
    session.run(txt2img())
    target.unlink()
    target.write_bytes(source.read_bytes())
    assert "1" in (session.run(txt2img()), session.nodes(NodeStarted))[1]


@node("Gluttony", category="tests", is_output=True)
def gluttony(*, image: ImageValue) -> None:
    """Asks for an exabyte."""
    torch.empty(2**58, dtype=torch.float32)


@node("Grad", category="tests", is_output=True)
def grad(*, image: ImageValue) -> None:
    """Fails unless gradients are off."""
    assert torch.is_inference_mode_enabled()


def on_picture(class_type: str) -> object:
    return {"1": call("LoadImage", image="cat.png"), "2": call(class_type, image=["1", 0])}


def test_running_out_of_memory_is_named(models: Path) -> None:
    session = open_session(models, (gluttony,))
    session.inputs = {"cat.png": png_of("red")}
    with pytest.raises(NodeFailed, match=r"node 2 \(Gluttony\): out of memory on cpu") as failure:
        session.run(on_picture("Gluttony"))
    assert isinstance(failure.value.cause, OutOfMemory)


def test_nodes_run_without_gradients(models: Path) -> None:
    session = open_session(models, (grad,))
    session.inputs = {"cat.png": png_of("red")}
    assert session.run(on_picture("Grad")).executed == 2


@pytest.mark.parametrize(("device", "dtype"), [("warp", "fp32"), ("cpu", "fp3")])
def test_a_device_or_dtype_that_is_not_there_is_refused(models: Path, device: str, dtype: str) -> None:
    with pytest.raises(BadInput, match=device if device != "cpu" else dtype):
        Runner(RunnerSettings(ModelFolders((models,)), device, dtype))


def test_a_prompt_is_encoded_anew_when_an_embedding_changes(models: Path, tmp_path: Path) -> None:
    (tmp_path / "embeddings").mkdir()
    folders = ModelFolders((models, tmp_path))
    session = Session(Runner(RunnerSettings(folders, "cpu", "fp32")))
    pictures: list[bytes] = []
    for _ in range(2):
        save_file({"emb_params": torch.randn(2, 48)}, tmp_path / "embeddings" / "thing.safetensors")
        made = session.run(txt2img(text="a embedding:thing"))
        pictures.append(made.outputs[0].file.content)
    assert pictures[0] != pictures[1]
