"""Work in a child of this process, which may be killed there; what is loaded here is loaded there, too."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def exit_code(work: Callable[[], object]) -> int:
    """Do it in a child; returns 0, 1 after an exception, or minus the number of the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
