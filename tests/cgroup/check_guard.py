# SPDX-License-Identifier: BSL-1.0
"""Fails unless the memory guard saves a process in a small control group.

usage: check_guard.py FILL_VOLUME

A group of 256 MiB holds a process whose quota it cannot bear, from the start or no more: with the
guard the process stops with an error and lives, without it the kernel kills it. Where no group can
be made, by this user or on this system, the test is skipped, which 77 tells.
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

LIMIT = 256 * 1024 * 1024
TOP = pathlib.Path("/sys/fs/cgroup")
SKIPPED = 77


class CannotMake(Exception):
    pass


class Group:
    """A control group with a limit, removed at the end."""

    # The folder of the hierarchy, the limit, and the swap's limit, which may be missing.
    VERSIONS = [
        (TOP, "memory.max", ("memory.swap.max", 0)),
        (TOP / "memory", "memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", LIMIT)),
    ]

    def __enter__(self):
        reasons = []
        for top, limit, swap in self.VERSIONS:
            self.path = top / f"coramfs-{os.getpid()}"
            try:
                self.make(top, limit, swap)
                return self
            except (OSError, CannotMake) as reason:
                reasons.append(f"{top}: {reason}")
        raise CannotMake("; ".join(reasons))

    def make(self, top, limit, swap):
        if not (top / "cgroup.procs").exists():
            raise CannotMake("no hierarchy")
        self.path.mkdir()
        try:
            if not (self.path / limit).exists():
                raise CannotMake("groups there have no memory controller")
            (self.path / limit).write_text(str(LIMIT))
            if (self.path / swap[0]).exists():
                (self.path / swap[0]).write_text(str(swap[1]))
        except BaseException:
            self.path.rmdir()
            raise

    def run(self, *command):
        enter = f'echo $$ > "{self.path}/cgroup.procs" && exec "$@"'
        return subprocess.run(["/bin/sh", "-c", enter, "sh", *command],
                              stdout=subprocess.PIPE, text=True, check=False)

    # A group stays busy for a moment after its last process.
    def __exit__(self, *_):
        for _ in range(100):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.05)
        print(f"left behind: {self.path}")


# Each with a quota and a ballast that is taken later, in MiB.
CASES = {
    "the quota is more than there ever was": ["512", "0"],
    "the quota is more than what was left of it": ["200", "100"],
}


def faults(group, program):
    for name, sizes in CASES.items():
        for guard, expected in [("guarded", 0), ("unguarded", -signal.SIGKILL)]:
            done = group.run(program, guard, *sizes)
            print(f"{name}, {guard}: {done.stdout.strip()} (ended with {done.returncode})")
            if done.returncode != expected:
                yield f"{name}, {guard}: did not end with {expected}"


def main(program):
    try:
        with Group() as group:
            wrong = list(faults(group, program))
    except CannotMake as reason:
        print(f"skipped, no control group can be made: {reason}")
        return SKIPPED
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
