"""Becomes a program that hears of no change of the machine's network interfaces.

A filter of the kernel refuses its netlink sockets: seccomp(2), socket(2). It stays in force for all
that the program starts. Usage: `python refuse_netlink.py PROGRAM [ARGUMENT ...]`.
"""

import ctypes
import os
import platform
import struct
import sys

SOCKET_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The architecture as audits name it, and the number of its call `socket`."""

AF_NETLINK = 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

LOAD, UNLESS_EQUAL, RETURN = 0x20, 0x15, 0x06
"""Instructions of the filter: load a word of the call, skip some unless it is equal, decide."""

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where the words of a call are: `struct seccomp_data`."""

REFUSE, ALLOW = 0x00050001, 0x7FFF0000
"""The call returns the error EPERM, or is made."""


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_netlink() -> None:
    """Refuse netlink sockets to this process from now on.

    Raises:
        OSError: The kernel does not take the filter.
    """
    architecture, socket_call = SOCKET_CALL[platform.machine()]
    steps = (
        (LOAD, 0, ARCHITECTURE),
        (UNLESS_EQUAL, 5, architecture),
        (LOAD, 0, NUMBER),
        (UNLESS_EQUAL, 3, socket_call),
        (LOAD, 0, FIRST_ARGUMENT),
        (UNLESS_EQUAL, 1, AF_NETLINK),
        (RETURN, 0, REFUSE),
        (RETURN, 0, ALLOW),
    )
    packed = b"".join(struct.pack("HBBI", code, 0, skip, value) for code, skip, value in steps)
    instructions = ctypes.create_string_buffer(packed, len(packed))
    program = Program(len(steps), ctypes.cast(instructions, ctypes.c_void_p))
    _prctl(PR_SET_NO_NEW_PRIVS, 1, 0)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))


def _prctl(option: int, first: int, second: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, first, second, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    if sys.platform == "linux" and platform.machine() in SOCKET_CALL:
        refuse_netlink()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the caller's own program
