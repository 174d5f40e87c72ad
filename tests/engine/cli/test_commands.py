import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.commands import run_command
from tests.engine.prompts import Prompt, call, copy_picture, txt2img


class Shell:
    """The command line in this process, with folders to work on."""

    def __init__(self, root: Path, models: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root, self._models, self._capture = root, models, capture
        self.inputs, self.outputs = root / "in", root / "out"
        self.inputs.mkdir()

    def write(self, document: object) -> Path:
        path = self.root / "prompt.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def arguments(self, document: object) -> list[str]:
        folders = ["--models", str(self._models), "--input", str(self.inputs), "--output", str(self.outputs)]
        return ["run", str(self.write(document)), *folders, "--device", "cpu", "--dtype", "fp32"]

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        code = run_command(arguments, lambda: False)
        out, err = self._capture.readouterr()
        return code, out, err

    def run(self, document: object) -> list[dict[str, str]]:
        code, out, err = self.call(*self.arguments(document))
        assert (code, err) == (0, "")
        (line,) = out.splitlines()
        return json.loads(line)["outputs"]

    def refusal(self, *arguments: str, code: int = 2) -> str:
        """The one line that says why."""
        found, out, err = self.call(*arguments)
        assert (found, out) == (code, "")
        (line,) = err.splitlines()
        return line


@pytest.fixture
def shell(tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    found = Shell(tmp_path, models, capsys)
    Image.new("RGB", (4, 4), "red").save(found.inputs / "cat.png")
    return found


def test_a_prompt_becomes_a_file(shell: Shell) -> None:
    path = shell.outputs / "made_00001_.png"
    assert shell.run(txt2img()) == [{"node": "7", "path": str(path)}]
    assert Image.open(path).size == (64, 64)


def test_running_again_counts_up(shell: Shell) -> None:
    paths = [Path(shell.run(copy_picture())[0]["path"]).name for _ in range(2)]
    assert paths == ["copy_00001_.png", "copy_00002_.png"]


def test_a_prompt_may_be_wrapped_and_bring_its_workflow(shell: Shell) -> None:
    (output,) = shell.run({"prompt": copy_picture(), "extra_data": {"extra_pnginfo": {"workflow": {"v": 1}}}})
    texts = Image.open(output["path"]).text  # type: ignore[attr-defined]
    assert json.loads(texts["prompt"]) == copy_picture()
    assert json.loads(texts["workflow"]) == {"v": 1}


def test_a_saved_latent_may_be_loaded_again(shell: Shell) -> None:
    save = {
        "1": call("EmptyLatentImage", width=64, height=64, batch_size=2),
        "2": call("SaveLatent", samples=["1", 0], filename_prefix="l/x"),
    }
    (output,) = shell.run(save)
    assert output["path"].endswith("l/x_00001_.latent")
    again = {
        "1": call("LoadLatent", latent="l/x_00001_.latent [output]"),
        "2": call("SaveLatent", samples=["1", 0], filename_prefix="y"),
    }
    assert len(shell.run(again)) == 1


def test_previews_are_neither_written_nor_listed(shell: Shell) -> None:
    prompt = {"1": call("LoadImage", image="cat.png"), "2": call("PreviewImage", images=["1", 0])}
    assert shell.run(prompt) == []
    assert not shell.outputs.exists()


def changed(node: str, **inputs: object) -> Prompt:
    prompt = txt2img()
    prompt[node]["inputs"].update(inputs)
    return prompt


def without(node: str, name: str) -> Prompt:
    prompt = txt2img()
    del prompt[node]["inputs"][name]
    return prompt


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({**txt2img(), "9": call("Wrong")}, "node 9: no node is called 'Wrong'"),
        (without("5", "steps"), "KSampler (node 5), input steps: is missing"),
        (changed("5", steps="many"), "KSampler (node 5), input steps: 'many' does not fit INT"),
        (changed("5", steps=10_001), "KSampler (node 5), input steps: 10001 is above the maximum 10000"),
        (
            changed("5", sampler_name="best"),
            "KSampler (node 5), input sampler_name: 'best' is none of: euler",
        ),
        (changed("5", latent_image=["6", 0]), "input latent_image: takes LATENT, and output 0 of VAEDecode"),
        (changed("5", model=["99", 0]), "KSampler (node 5), input model: is linked to node '99'"),
        (changed("1", ckpt_name="gone.sft"), "input ckpt_name: there is no file 'gone.sft' in checkpoints"),
        (changed("7", filename_prefix="../x"), "SaveImage (node 7), input filename_prefix: '../x' leads out"),
        (copy_picture("../cat.png"), "LoadImage (node 1), input image: '../cat.png' leads out"),
        (
            {"1": call("LatentUpscale", samples=["1", 0])},
            "these nodes wait for each other: LatentUpscale (node 1)",
        ),
        ({}, "no output node"),
        ("{", "not JSON"),
        ("[]", "this is a list"),
        ("[" * 100_000, "nested too deeply"),
        ('"' + "x" * 8_000_000 + '"', "8000002 bytes; at most 8000000"),
    ],
)
def test_bad_input_is_told_in_one_line(shell: Shell, prompt: object, said: str) -> None:
    assert said in shell.refusal(*shell.arguments(prompt))
    assert not shell.outputs.exists()


def test_all_problems_stand_in_the_line(shell: Shell) -> None:
    line = shell.refusal(*shell.arguments(changed("5", steps=0, cfg=-1)))
    assert "input steps" in line
    assert "input cfg" in line


def test_hundreds_of_problems_are_counted(shell: Shell) -> None:
    line = shell.refusal(*shell.arguments({str(n): call("Wrong") for n in range(300)}))
    assert line.endswith("and 291 more problems")


def test_a_prompt_that_is_not_there_is_bad_input(shell: Shell) -> None:
    arguments = shell.arguments({})
    arguments[1] = str(shell.root / "gone.json")
    assert "gone.json cannot be read: No such file" in shell.refusal(*arguments)


def test_a_models_folder_that_is_not_there_is_bad_input(shell: Shell) -> None:
    arguments = shell.arguments(txt2img())
    arguments[arguments.index("--models") + 1] = str(shell.root / "gone")
    assert "there is no folder" in shell.refusal(*arguments)


@pytest.mark.parametrize("content", [b"\x80\x04 a pickle", b"", b"PK\x03\x04", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_checkpoint_that_is_none_is_bad_input(shell: Shell, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "checkpoints" / "tiny.safetensors").write_bytes(content)
    arguments = shell.arguments(txt2img())
    arguments[arguments.index("--models") + 1] = str(tmp_path / "models")
    assert "node 1 (CheckpointLoaderSimple), input ckpt_name: tiny.safetensors" in shell.refusal(*arguments)


@pytest.mark.parametrize("option", ["--device", "--dtype"])
def test_a_device_or_dtype_that_is_not_there_is_bad_input(shell: Shell, option: str) -> None:
    arguments = shell.arguments(copy_picture())
    arguments[arguments.index(option) + 1] = "warp"
    assert "warp" in shell.refusal(*arguments)


def test_an_output_that_cannot_be_written_is_a_failed_run(shell: Shell) -> None:
    shell.outputs.write_text("a file where a folder should be")
    shell.refusal(*shell.arguments(copy_picture()), code=1)


@pytest.mark.parametrize("arguments", [(), ("fly",), ("run",), ("run", "p.json", "--models"), ("inspect",)])
def test_wrong_arguments_are_bad_input(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "engine", *arguments], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_inspect_tells_what_a_checkpoint_is(shell: Shell, models: Path) -> None:
    path = models / "checkpoints" / "tiny.safetensors"
    code, out, _ = shell.call("inspect", str(path))
    found = json.loads(out)
    assert (code, found["kind"], found["family"], found["bytes"]) == (
        0,
        "checkpoint",
        "sd1",
        path.stat().st_size,
    )
    assert set(found["config"]) == {"unet", "clip", "vae"}
    assert found["dtype"] in ("fp16", "fp32")


def test_inspect_refuses_what_is_no_weights_file(shell: Shell) -> None:
    assert "cat.png: " in shell.refusal("inspect", str(shell.inputs / "cat.png"))


def test_inspect_refuses_a_file_that_is_not_there(shell: Shell) -> None:
    assert "gone.safetensors: " in shell.refusal("inspect", str(shell.root / "gone.safetensors"))


def test_catalog_prints_object_info(shell: Shell) -> None:
    code, out, _ = shell.call("catalog")
    assert code == 0
    assert json.loads(out)["KSampler"]["output"] == ["LATENT"]


def test_an_error_that_an_interrupt_caused_counts_as_the_interrupt(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(shell.arguments(copy_picture("gone.png")), lambda: True) == 130
    assert capsys.readouterr().err == "interrupted\n"


def start(arguments: list[str], stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True
    )


def read_until(terminal: int, text: str) -> str:
    """What the terminal shows, up to `text`."""
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 1000).decode()
    return shown


def test_ctrl_c_while_sampling_ends_with_130_and_no_traceback(shell: Shell) -> None:
    ours, theirs = pty.openpty()
    process = start(shell.arguments(txt2img(steps=10_000)), theirs)
    read_until(ours, "KSampler (node 5): 1/10000")
    process.send_signal(signal.SIGINT)
    shown = read_until(ours, "interrupted")
    assert process.wait(timeout=30) == 130
    assert process.communicate()[0] == ""
    assert "Traceback" not in shown
    assert not shell.outputs.exists()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("module", ["'engine.errors'", "'torch.", "'engine.nodes."])
def test_ctrl_c_while_importing_ends_with_130_and_no_traceback(shell: Shell, module: str) -> None:
    """The interpreter says on stderr what it imports (-v), so the moment is known."""
    process = subprocess.Popen(
        [sys.executable, "-v", "-m", "engine", *shell.arguments(txt2img(steps=10_000))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    next(line for line in process.stderr if line.startswith(f"import {module}"))
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
