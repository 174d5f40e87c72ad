"""python -m engine run | catalog | inspect: the engine from a shell; docs/reference/cli.md tells how."""

import logging
import os
import signal
import sys
import warnings
from types import FrameType

FAILED = 1
INTERRUPTED = 130


def main() -> int:
    """Run the command line; returns the exit code. Ctrl-C at any moment ends it with 130 and one line."""
    interrupt = _Interrupt()
    signal.signal(signal.SIGINT, interrupt.press)
    # The one line on stderr says it all; what logs and libraries would add belongs to a service.
    logging.disable()
    warnings.simplefilter("ignore")
    try:
        from engine.cli.commands import run_command

        code = run_command(sys.argv[1:], interrupt.is_pressed)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 -- the edge: users get a line, no traceback
        # A library may have turned the interrupt into an error of its own, so the flag decides.
        code = INTERRUPTED if interrupt.is_pressed() else FAILED
        message = "interrupted" if interrupt.is_pressed() else f"unexpected {type(error).__name__}: {error}"
        sys.stderr.write(" ".join(message.split()) + "\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


class _Interrupt:
    """Remembers Ctrl-C, because code that is interrupted may swallow KeyboardInterrupt."""

    def __init__(self) -> None:
        self._is_pressed = False

    def is_pressed(self) -> bool:
        return self._is_pressed

    def press(self, _signal: int, _frame: FrameType | None) -> None:
        if self._is_pressed:
            os._exit(INTERRUPTED)  # pressed again while the first is being dealt with
        self._is_pressed = True
        raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
