"""Arguments of the command line and what exit codes mean: 0 done, 1 failed, 2 bad input, 130 interrupted."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from engine.api import BadInput, Cancelled, EngineError, GraphInvalid, NodeFailed

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

_SHOWN_PROBLEMS = 10


def run_command(arguments: Sequence[str], is_interrupted: Callable[[], bool]) -> int:
    """Do what the arguments say; returns the exit code. An error is one line on stderr."""
    try:
        _dispatch(_parser().parse_args(arguments), is_interrupted)
    except Cancelled:
        return _say("interrupted", INTERRUPTED)
    except (EngineError, OSError) as error:
        if is_interrupted():
            return _say("interrupted", INTERRUPTED)  # a library made an error of its own out of it
        if isinstance(error, EngineError):
            return _say(_describe(error), _exit_code(error))
        return _say(f"{error.filename or 'output'}: {error.strerror or error}", FAILED)
    return 0


def _dispatch(options: argparse.Namespace, is_interrupted: Callable[[], bool]) -> None:
    match options.command:
        case "run":
            from engine.cli.run import RunOptions, run_prompt

            run_prompt(
                RunOptions(
                    options.prompt,
                    options.models,
                    options.input,
                    options.output,
                    options.device,
                    options.dtype,
                ),
                is_interrupted,
            )
        case "inspect":
            from engine.cli.inspect import print_inspection

            print_inspection(options.file)
        case _:
            from engine.cli.catalog import print_catalog, write_catalog

            (write_catalog if options.write else print_catalog)()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description="Atelier's engine.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    run = commands.add_parser("run", help="run a prompt in API format and write its outputs")
    run.add_argument("prompt", type=Path, metavar="PROMPT.json")
    run.add_argument("--models", type=Path, required=True, metavar="DIR", help="has checkpoints/ and so on")
    run.add_argument("--input", type=Path, default=Path(), metavar="DIR", help="where LoadImage looks")
    run.add_argument("--output", type=Path, required=True, metavar="DIR", help="made if missing")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: %(default)s)")
    run.add_argument("--dtype", default="auto", help="auto, fp32, fp16, bf16 (default: %(default)s)")

    catalog = commands.add_parser("catalog", help="print all nodes in the shape of ComfyUI's object_info")
    catalog.add_argument("--write", action="store_true", help="generate engine/catalog.json instead")

    inspect = commands.add_parser("inspect", help="print what a weights file is")
    inspect.add_argument("file", type=Path, metavar="FILE")
    return parser


def _exit_code(error: EngineError) -> int:
    cause = error.cause if isinstance(error, NodeFailed) else error
    return BAD_INPUT if isinstance(cause, BadInput) else FAILED


def _describe(error: EngineError) -> str:
    if isinstance(error, GraphInvalid):
        shown = [problem.message for problem in error.problems[:_SHOWN_PROBLEMS]]
        more = len(error.problems) - len(shown)
        return "; ".join(shown) + (f"; and {more} more problems" if more else "")
    if isinstance(error, NodeFailed) and not isinstance(error.cause, EngineError):
        # Whoever works in a shell may see the cause itself.
        return f"{error}: {error.cause}"
    return str(error)


def _say(message: str, code: int) -> int:
    sys.stderr.write(" ".join(message.split()) + "\n")
    return code
