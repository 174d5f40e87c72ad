"""python -m webapp.config.die_with_parent PARENT_PID COMMAND…: run COMMAND until it, or its parent, ends.

Linux does it by itself: the command takes this process' place, with a death signal set. Elsewhere this
process stays and watches.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
WATCH_S = 1.0


def main(arguments: Sequence[str]) -> int:
    """Become, or watch, the command."""
    parent, command = int(arguments[0]), list(arguments[1:])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            return 0  # the parent ended before the signal was set
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    return _watch(parent, command)


def _watch(parent: int, command: list[str]) -> int:
    child = subprocess.Popen(command)  # noqa: S603  argv is the caller's
    signal.signal(signal.SIGTERM, lambda _signal, _frame: child.terminate())
    while os.getppid() == parent:
        try:
            return child.wait(WATCH_S)
        except subprocess.TimeoutExpired:
            continue
    child.terminate()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
