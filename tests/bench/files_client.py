"""Runs at a device: puts and gets one large file and many small ones, and says how long each took.

Standard input says in JSON how; ``modules`` holds the source of the verification's own clients.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

PIECE = "x" * (1 << 20)
SMALL = "y" * 4096


class ByModule:
    """AFP and NFS: a session that is open already, so that only the files are measured."""

    def __init__(self, told: dict[str, Any]) -> None:
        module = ModuleType("client")
        exec(told["source"], module.__dict__)  # noqa: S102 - the house's own source
        if told["kind"] == "nfs":
            self.session = module.Mount(
                told["address"], told["share"], told["version"], told["options"]
            )
        else:
            self.session = module.Session(told["address"], told["version"], told["port"])
            self.session.login(told["method"], told["account"], told["password"])
            self.session.open_volume(told["share"])

    def put(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            self.session.write(name, content)

    def get(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            assert self.session.read(name) == content, name

    def delete(self, files: dict[str, str]) -> None:
        for name in files:
            self.session.delete(name)


class BySmbclient:
    """SMB: one smbclient for all files of a step, its login included."""

    def __init__(self, told: dict[str, Any]) -> None:
        os.chdir(tempfile.mkdtemp())
        Path("auth").write_text(f"username = {told['account']}\npassword = {told['password']}\n")
        self.command = [*told["command"], "-A", "auth", "-c"]

    def work(self, text: str) -> None:
        done = subprocess.run(
            [*self.command, f"prompt off; {text}"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def put(self, files: dict[str, str]) -> None:
        Path("out").mkdir(exist_ok=True)
        for name, content in files.items():
            (Path("out") / name).write_text(content)
        self.began = time.monotonic()  # writing them here is not the server's time
        self.work("lcd out; mput *")

    def get(self, files: dict[str, str]) -> None:
        Path("back").mkdir(exist_ok=True)
        self.began = time.monotonic()
        self.work(f"lcd back; mget {next(iter(files))[:1]}*")

    def delete(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            assert (Path("back") / name).read_text() == content, name
        self.work(f"del {next(iter(files))[:1]}*")
        for folder in ("out", "back"):
            for file in Path(folder).iterdir():
                file.unlink()


def seconds(by: Any, step: Callable[[dict[str, str]], None], files: dict[str, str]) -> float:
    by.began = time.monotonic()
    step(files)
    return float(time.monotonic() - by.began)


def main() -> None:
    told = json.load(sys.stdin)
    by = BySmbclient(told) if told["kind"] == "smb" else ByModule(told)
    large = {"L.DAT": PIECE * told["megabytes"]}
    small = {f"S{number}.DAT": SMALL for number in range(told["files"])}
    found = {}
    for name, files in (("large", large), ("small", small)):
        found[f"{name} put"] = seconds(by, by.put, files)
        found[f"{name} get"] = seconds(by, by.get, files)
        by.delete(files)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
