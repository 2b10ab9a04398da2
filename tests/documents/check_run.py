# SPDX-License-Identifier: BSL-1.0
"""Fails unless a program ends with a status and prints a text: check_run.py PROGRAM STATUS TEXT."""
import subprocess
import sys


def main(program, status, text):
    ended = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode == int(status) and text in ended.stdout:
        return 0
    print(f"ended with {ended.returncode} and not {status}, or without {text!r}:\n{ended.stdout}",
          file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
