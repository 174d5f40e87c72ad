"""python -m engine.demo.examples FOLDER: run the example graphs on the demo model, each into one picture.

A picture holds the graph that made it, so that it is thumbnail and workflow in one.
"""

import argparse
from pathlib import Path

from engine.api import DEMO_MODELS, Event, ModelFolders, RunnerSettings, open_runner, parse_prompt
from engine.demo.examples.graphs import EXAMPLES
from engine.demo.examples.inputs import INPUTS, find_input


def main() -> None:
    """Write the pictures of all examples, and what they begin with."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.examples", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in INPUTS.items():
        (folder / name).write_bytes(content())
    runner = open_runner(RunnerSettings(ModelFolders((DEMO_MODELS,)), device="cpu", dtype="fp32"))
    for name, prompt in EXAMPLES.items():
        result = runner.run(
            parse_prompt(prompt),
            scope="examples",
            workflow=None,
            is_cancelled=lambda: False,
            find_input=find_input,
            on_event=_ignore,
        )
        (output,) = result.outputs
        (folder / f"{name}.png").write_bytes(output.file.content)


def _ignore(event: Event) -> None:
    pass


if __name__ == "__main__":
    main()
