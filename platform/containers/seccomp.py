"""The system call filter of a sandbox, as classic BPF made without any library.

What is not listed is allowed: namespaces, read-only mounts and limits are the wall, the filter
takes away what has no use for an algorithm and a history of holes.
"""

import errno
import os
import struct

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_NUMBER, _ARCH, _ARGUMENT_0 = 0, 4, 16
_X32_BIT = 0x40000000

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME shares a bit with signals
# of clone and is for unshare only, which is refused whole.
_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000
_NEW_NAMESPACES |= 0x10000000 | 0x20000000 | 0x40000000
_REFUSED_FAMILIES = (17, 38, 40)  # AF_PACKET, AF_ALG, AF_VSOCK

# name: (x86_64, aarch64)
_REFUSED: dict[str, tuple[int | None, int]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "nfsservctl": (180, 42),
    "iopl": (172, 0xFFFF),
    "ioperm": (173, 0xFFFF),
    "modify_ldt": (154, 0xFFFF),
}
# Memory that no process maps: nothing but a control group counts it.
_UNCOUNTED: dict[str, tuple[int, int]] = {
    "shmget": (29, 194),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
_ARCHITECTURES = {
    # machine: (audit number, column, clone, clone3, socket)
    "x86_64": (0xC000003E, 0, 56, 435, 41),
    "aarch64": (0xC00000B7, 1, 220, 435, 198),
}


def _step(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, value)


def _refuse(number: int, code: int = errno.EPERM) -> bytes:
    return _step(_JEQ, number, 0, 1) + _step(_RETURN, _ERRNO | code)


def build_filter(machine: str | None = None, *, counted: bool = False) -> bytes:
    """The filter for `bwrap --seccomp`. Raises KeyError for an architecture that is not known.

    `counted` says that a control group counts all memory, even what no process maps.
    """
    audit, column, clone, clone3, socket = _ARCHITECTURES[machine or os.uname().machine]
    program = _step(_LOAD, _ARCH) + _step(_JEQ, audit, 1, 0) + _step(_RETURN, _KILL)
    program += _step(_LOAD, _NUMBER)
    # The x32 way of calling has numbers of its own and would pass every comparison below.
    program += _step(_JGE, _X32_BIT, 0, 1) + _step(_RETURN, _KILL)
    refused = [*_REFUSED.values(), *(() if counted else _UNCOUNTED.values())]
    for numbers in refused:
        number = numbers[column]
        if number is not None and number != 0xFFFF:
            program += _refuse(number)
    # A filter cannot look behind clone3's pointer; libraries fall back to clone on ENOSYS.
    program += _refuse(clone3, errno.ENOSYS)
    program += _step(_JEQ, clone, 0, 4) + _step(_LOAD, _ARGUMENT_0)
    program += _step(_JSET, _NEW_NAMESPACES, 0, 1) + _step(_RETURN, _ERRNO | errno.EPERM)
    program += _step(_RETURN, _ALLOW)
    program += _step(_JEQ, socket, 0, 2 + 2 * len(_REFUSED_FAMILIES)) + _step(_LOAD, _ARGUMENT_0)
    for family in _REFUSED_FAMILIES:
        program += _refuse(family, errno.EAFNOSUPPORT)
    program += _step(_RETURN, _ALLOW)
    return program + _step(_RETURN, _ALLOW)
