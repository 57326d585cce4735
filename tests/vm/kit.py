"""What every look at the virtual box stands on: the lab, the description, what was seen."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lab
from gateway.apply import apply
from gateway.load import load
from gateway.run import run
from gateway.secrets import ensure
from gateway.sharing import server_of
from gateway.trial import Trial
from gateway.verify.context import Context
from gateway.verify.hands import AFP_METHODS, Hand, SmbHand, hand
from gateway.verify.plugin import smb_client
from gateway.written import BOX

HERE = Path(__file__).parent
MAC = [HERE.parents[1] / "gateway/verify/afp_client.py", HERE / "appletalk.py", HERE / "mac.py"]
CONTENT = "0123456789" * 900
PATIENCE = 180
"""Seconds until all is up after a boot."""


@dataclass
class Run:
    """A lab with its virtual box, its description, and what was seen."""

    lab: lab.Lab
    site: Path
    began: float = field(default_factory=time.monotonic)
    failed: list[str] = field(default_factory=list)

    @property
    def trial(self) -> Trial:
        """The description as it is now."""
        return Trial(load(self.site), self.lab)

    def passwords(self) -> dict[str, str]:
        """The devices'."""
        order = self.trial.order
        return dict(ensure(self.trial.loaded.site, order.vault_path, order.password_file))

    def say(self, line: str) -> None:
        """A line, and when."""
        print(f"{time.monotonic() - self.began:6.0f} s  {line}", flush=True)

    def look(self, what: str, found: object, good: bool) -> None:
        """Tell what was seen, and whether it is as it should be."""
        self.say(f"{'ok  ' if good else 'FAIL'}  {what}: {found}")
        if not good:
            self.failed.append(what)

    def apply(self) -> None:
        """As an operator does; with patience, since the box is emulated."""
        trial = self.trial
        done = apply(trial.loaded, replace(trial.order, confirm_within=900))
        for line in done.lines():
            self.say(f"      {line}")
        self.look("apply", f"generation {done.generation}", done.changed)
        for device in sorted(trial.loaded.site.devices):
            lost = [each for each in done.warnings if device in each]
            if lost:
                self.look(f"apply warns of {device}", lost, False)

    def hand(self, device: str) -> Hand:
        """The product's own client for a device, at its place."""
        context = Context(self.trial.loaded, self.passwords(), "", None, self.lab)
        if server_of(context.site, device) in ("modern", "legacy"):
            return SmbHand(smb_client(context, self.lab, device))
        return hand(context, self.lab, device)

    def works(self, device: str) -> None:
        """A device works on the share."""
        client = self.hand(device)
        name = f"{device}.dat"
        done = client.work("images", [("write", name, CONTENT), ("read", name), ("delete", name)])
        good = not done.error and done.results[1] == CONTENT
        self.look(f"{client.speaks} from {device}", done.error or "written, read, deleted", good)

    def on_box(self, *command: str) -> str:
        """What a command prints there."""
        return self.lab.exec(BOX, list(command), timeout=180).stdout.strip()

    def gateway(self, verb: str) -> tuple[int, str]:
        """A verb of the product for this box: its exit code, and its last line."""
        command = [sys.executable, "-m", "gateway.cli", verb, str(self.site)]
        options = ["--host", self.lab.ssh_host, "--ssh-args", " ".join(self.lab.ssh_options())]
        done = run([*command, *options], check=False)
        return done.returncode, (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]

    def mac(self, who: str, **told: str) -> dict[str, Any]:
        """What a Macintosh without TCP finds at a place of the lab."""
        binds = [word for file in MAC for word in ("--ro-bind", str(file), f"/run/mac/{file.name}")]
        command = self.lab.world.command(
            self.lab.plan.place(who), ["python3", "/run/mac/mac.py"], extra=binds
        )
        asked = {
            "server": self.lab.site.box.name,
            "volume": "images",
            "method": AFP_METHODS["randnum"],
            **told,
        }
        done = run(command, stdin=json.dumps(asked), timeout=180)
        return dict(json.loads(done.stdout))


def settled(run: Run) -> None:
    """Wait until systemd has nothing left to start."""
    deadline = time.monotonic() + PATIENCE
    while run.on_box("systemctl", "list-jobs", "--no-legend") and time.monotonic() < deadline:
        time.sleep(5)
