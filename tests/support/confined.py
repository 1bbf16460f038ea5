#!/usr/bin/python3
"""confined.py PROGRAM [ARGUMENT...]: runs it where sched_setscheduler() is refused with EPERM, as under a unit's
SystemCallFilter=~@resources with SystemCallErrorNumber=EPERM (seccomp(2))."""
import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
SCHED_SETSCHEDULER = {"x86_64": 144, "aarch64": 119}[platform.machine()]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def main():
    instructions = b"".join(struct.pack("HBBI", *one) for one in (
        (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, SCHED_SETSCHEDULER), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)))
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(instructions) // 8, instructions)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*words) != 0:
            sys.exit(f"confined: prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])


main()
