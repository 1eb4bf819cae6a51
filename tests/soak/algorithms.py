"""The algorithms of the soak: each looks for what another caller could have left."""

# Every run leaves its caller's mark in /tmp, in the module, in the environment and in a process,
# and tells of every mark that it finds.
PROBE = """
import glob
import os
import subprocess
import time

marks = []


def apply(input):
    found = set(marks)
    marks.append(input["mark"])
    found.update(name[5:] for name in os.environ if name.startswith("MARK_"))
    os.environ["MARK_" + input["mark"]] = "x"
    for path in glob.glob("/tmp/mark-*") + glob.glob("/dev/shm/mark-*"):
        found.add(path.rsplit("-", 1)[1])
    for folder in ("/tmp", "/dev/shm"):
        with open(folder + "/mark-" + input["mark"], "w") as file:
            file.write("x")
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(bytes(1))
        except OSError:
            continue
        found.update(word[5:].decode() for word in words if word.startswith(b"mark="))
    WORK
    return sorted(found)
"""
WORK = (
    "pass",
    "sum(range(200_000))",
    "time.sleep(0.02)",
    "subprocess.Popen(['sh', '-c', 'sleep 1', 'mark=' + input['mark']])",
    "list(range(500_000))",
)


def source(number: int) -> str:
    return PROBE.replace("WORK", WORK[number % len(WORK)])
