"""How a service's process begins and ends: thread limits, signals, exit codes."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from shared.errors import ConfigError, ThetaflowError

_PR_SET_PDEATHSIG = 1
EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_INTERRUPTED = 130

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def run_service(main: Callable[[threading.Event], int | None]) -> NoReturn:
    """Run a service until it ends or is told to, then leave the process.

    SIGTERM and SIGINT set the event `main` is given; a second one interrupts at once. A wrong setting ends the process
    with code 2 and one line on stderr that names it, any other error raised on purpose with code 1 and its log line.
    Numeric libraries get one thread each unless the environment says otherwise: pools of several processes that fight
    for the same cores are slower than none.
    """
    limit_threads(program=main.__module__ == "__main__")
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt(signal.Signals(number).name)
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        code = main(stop) or 0
    except ConfigError as error:
        sys.stderr.write(f"configuration error: {error}\n")
        code = EXIT_CONFIG
    except ThetaflowError as error:
        logging.getLogger("thetaflow").critical("%s: %s", type(error).__name__, error)
        code = EXIT_FAILED
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)


def limit_threads(*, program: bool = False) -> None:
    """Hold numeric libraries to one thread each where the environment does not say how many.

    They read these variables once, when loaded. A program started as `python -m name` has loaded them by the time it
    gets here, so it starts itself over, with the same process id; nothing else has happened by then.

    Args:
        program: whether the caller is such a program and has done nothing yet.
    """
    missing = [name for name in THREAD_VARIABLES if name not in os.environ]
    if not missing:
        return
    os.environ.update(dict.fromkeys(missing, "1"))
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if program and "numpy" in sys.modules and spec is not None:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command line, no shell


def die_with_parent() -> Callable[[], None] | None:
    """Give what makes a child end when the thread that started it does, however that ends; None where it cannot be had.

    Pass it to `subprocess.Popen` as `preexec_fn`. Linux only, and only from the main thread, whose end is the
    process's. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if not sys.platform.startswith("linux") or threading.current_thread() is not threading.main_thread():
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def ask_the_kernel() -> None:
        library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))

    return ask_the_kernel
