"""Runs a program that dies with its parent, even when the parent is killed with SIGKILL.

usage: guard.py PARENT_PID PROGRAM [ARGUMENT…]
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """Asks the kernel to kill this process when its parent ends; kept across exec, not across fork."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


if __name__ == "__main__":
    die_with_parent()
    # The parent may have ended before the kernel was asked.
    if os.getppid() != int(sys.argv[1]):
        sys.exit("guard: the parent is gone")
    os.execv(sys.argv[2], sys.argv[2:])
