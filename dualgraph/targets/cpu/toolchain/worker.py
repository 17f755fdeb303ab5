"""A process that compiles kernels for another one: see `workers`."""

import json
import os
import sys
import threading

from .native import compile_to_cache, environment

IDLE = 20.0  # seconds after which a worker that nobody asks ends


def main() -> None:
    """Say what this compiler is, then compile what comes in, one JSON line after the other."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing else may speak on that line
    _say(out, environment())
    while line := _line():
        name, text = json.loads(line)
        try:
            compile_to_cache(text, name)
        except Exception:  # the parent compiles it again, and tells the user
            _say(out, "failed")
        else:
            _say(out, "done")


def _say(out: object, answer: str) -> None:
    print(answer, file=out, flush=True)  # type: ignore[call-overload]


def _line() -> str:
    """Return the next line; end the process when none comes."""
    timer = threading.Timer(IDLE, os._exit, (0,))
    timer.daemon = True
    timer.start()
    try:
        return sys.stdin.readline()
    finally:
        timer.cancel()
