"""From a description to a box: Ansible does it, this tells how it goes and what was done."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway import features, plan, tree
from gateway.archive import pack
from gateway.load import Loaded
from gateway.problems import Failed
from gateway.run import follow, run
from gateway.secrets import ensure, has_certificate, is_told, logs_in_at_proxy, there
from gateway.sharing import grants

HOME = Path(__file__).parent.parent
PLAYBOOK = HOME / "playbooks" / "site.yml"
VAULT = "vault.yml"
SWITCHING = (
    "Take what comes before the packages into use",
    "Check the generation and switch to it",
    "Bring the archive and switch to it",
)
"""The tasks of the role `generation` from which on the box waits for a confirmation."""


@dataclass(frozen=True)
class Connection:
    """How to reach the box. Nothing given: as ``hosts.yml`` beside the site says."""

    host: str = ""
    user: str = "root"
    port: int = 22
    ssh_args: str = ""
    local: bool = False

    @property
    def is_given(self) -> bool:
        """Whether it says anything."""
        return bool(self.host or self.ssh_args or self.local)

    def inventory(self, name: str) -> dict[str, Any]:
        """An Ansible inventory with this one box."""
        if self.local:
            values: dict[str, Any] = {"ansible_connection": "local"}
        else:
            values = {
                "ansible_host": self.host or name,
                "ansible_user": self.user,
                "ansible_port": self.port,
                "ansible_ssh_common_args": self.ssh_args,
                "ansible_become": self.user != "root",
            }
        return {"gateways": {"hosts": {name: values}}}


@dataclass(frozen=True)
class Step:
    """A step that has ended: its name, its seconds, and whether it changed something."""

    name: str
    seconds: float
    changed: bool


KINDS = ("packages", "files", "removed", "reloaded", "started", "stopped", "ended", "chosen")
"""What an apply changes or finds, in the order in which it is told."""


@dataclass
class Summary:
    """What was done, for people (``lines``) and programs (its fields)."""

    changed: bool = False
    generation: int = 0
    seconds: float = 0.0
    steps: list[Step] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    reloaded: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """Conversations that were no longer permitted."""
    chosen: list[str] = field(default_factory=list)
    """Which server serves, where the box chose between two."""
    warnings: list[str] = field(default_factory=list)
    """What the box lacks and serves without: a modem that is not there, say."""
    aside: list[str] = field(default_factory=list)
    """What was changed by hand and is kept."""
    kept: list[str] = field(default_factory=list)
    """Data that nothing serves any more, and where it is."""
    noted: list[str] = field(default_factory=list)
    """What is otherwise on the box and stays so: packages that were upgraded, say."""
    plan: dict[str, Any] = field(default_factory=dict)
    """What a dry run found (plan.py); nothing where there is nothing to change."""
    passwords: list[str] = field(default_factory=list)
    """The devices that have none yet: a dry run makes none."""

    def lines(self) -> list[str]:
        """A line for each kind of change, or the one that says that there was none."""
        if self.plan:
            return [f"would change: {plan.counts(self.plan)}"]
        if not self.changed:
            where = f"generation {self.generation} is active"
            return [f"nothing to change: {where} ({self.seconds:.1f} s)", *self._warned()]
        told = [
            f"{kind:9} {len(getattr(self, kind)):3}  {_shortened(getattr(self, kind))}"
            for kind in KINDS
            if getattr(self, kind)
        ]
        slow = sorted(self.steps, key=lambda step: -step.seconds)[:3]
        times = ", ".join(f"{step.name.lower()} {step.seconds:.1f} s" for step in slow)
        return [
            *told,
            f"generation {self.generation} is active ({self.seconds:.1f} s: {times})",
            *self._warned(),
        ]

    def _warned(self) -> list[str]:
        told = [f"kept: {line}" for line in (*self.aside, *self.kept)]
        told += [f"noted: {line} (an apply leaves it)" for line in self.noted]
        return told + [f"warning: {line}" for line in self.warnings]


def _shortened(words: list[str], most: int = 6) -> str:
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Order:
    """What to apply and how. ``vault`` and ``password_file``: where the passwords are."""

    site: Path
    connection: Connection = Connection()
    vault: Path | None = None
    password_file: Path | None = None
    dry_run: bool = False
    confirm_within: int = 120
    """Seconds for each switch and its confirmation by a new connection, or the box goes back."""
    overwrite_drift: bool = False
    """Undo what was changed by hand."""

    @property
    def vault_path(self) -> Path:
        """``vault.yml`` beside the site, unless it is elsewhere."""
        return self.vault or self.site.parent / VAULT


def apply(loaded: Loaded, order: Order, on_step: Callable[[str], None] = lambda _: None) -> Summary:
    """Make the box what the description says; a box that already is so is left alone.

    ``on_step`` is told the name of each step when it begins. Raises Failed with the box's own
    words; the box then is as it was before.
    """
    reader = Reader(on_step)
    if order.dry_run:
        known, lacking = there(loaded.site, order.vault_path, order.password_file)
        passwords, reader.summary.passwords = known, lacking
    else:
        passwords = ensure(loaded.site, order.vault_path, order.password_file)
    vault_needed = bool(passwords) or is_told(loaded.site)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gateway-apply-") as scratch:
        command = _command(loaded, order, Path(scratch), vault_needed=vault_needed)
        environment = {
            "ANSIBLE_CONFIG": str(HOME / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "gateway_events",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            # A connection of this run alone: Ansible shares one between all that have the same
            # host, port and user, and two boxes reached by other ssh arguments would be one.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{scratch}/ssh",
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        }
        try:
            code, errors = follow(command, reader.line, env=environment, cwd=HOME)
        finally:
            _hang_up(Path(scratch) / "ssh")
    reader.summary.seconds = time.monotonic() - began
    if reader.failure or code:
        raise Failed(reader.failure or f"Ansible failed (exit {code}): {errors.strip()[-2000:]}")
    return reader.summary


def _hang_up(folder: Path) -> None:
    """End the connections that ssh keeps for the next command."""
    for socket in folder.glob("*"):
        run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "box"], check=False, timeout=10)


def _command(loaded: Loaded, order: Order, scratch: Path, *, vault_needed: bool) -> list[str]:
    # The venv's own, whatever the PATH says.
    command = [str(Path(sys.executable).with_name("ansible-playbook"))]
    inventory = order.site.parent / "hosts.yml"
    if order.connection.is_given:
        inventory = scratch / "hosts.json"
        inventory.write_text(json.dumps(order.connection.inventory(loaded.site.box.name)))
    elif not inventory.exists():
        raise Failed(f"{inventory} is not there: write one, or give --host or --local")
    extra: dict[str, Any] = {"gateway_site": str(order.site.resolve())}
    extra["gateway_confirm_within"] = order.confirm_within
    extra["gateway_overwrite_drift"] = order.overwrite_drift
    extra["gateway_packed"] = packed(loaded, scratch)
    extra["gateway_vault"] = str(order.vault_path.resolve()) if vault_needed else os.devnull
    command += ["--inventory", str(inventory), "--extra-vars", json.dumps(extra)]
    if vault_needed and order.password_file:
        command += ["--vault-password-file", str(order.password_file)]
    if order.dry_run:
        command.append("--check")
    return [*command, str(PLAYBOOK)]


def packed(loaded: Loaded, out: Path) -> dict[str, Any]:
    """Render and pack a site for its box: the archive, and what the playbook must know of it."""
    made = features.tree_of(loaded.site, loaded.source.line)
    folder = tree.write(made, out / loaded.site.name)
    archive = (folder.parent / f"{made.host}.zip").resolve()
    return {
        "host": made.host,
        "manifest": pack(folder, archive),
        "site": sha256(Path(loaded.source.file).read_bytes()).hexdigest(),
        "archive": str(archive),
        "accounts": sorted({grant.device for grant in grants(loaded.site)}),
        "proxy_login": logs_in_at_proxy(loaded.site),
        "reports_key": has_certificate(loaded.site),
    }


class Reader:
    """Turns the lines of ``playbooks/callback_plugins/gateway_events.py`` into a summary."""

    def __init__(self, on_step: Callable[[str], None]) -> None:
        self.summary = Summary()
        self.failure = ""
        self._on_step = on_step
        self._switching = False

    def line(self, line: str) -> None:
        """Take one line; what is no event (a warning, say) is nothing to us."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict) or "event" not in event:
            return
        name = event["task"].partition(" : ")[2] or event["task"]
        if event["event"] == "begin":
            self._switching |= name in SWITCHING
            self._on_step(name)
            return
        if event["event"] == "ok":
            self.summary.steps.append(Step(name, event["seconds"], event["changed"]))
            self._take(event["said"] or {})
        elif event["event"] in ("failed", "unreachable"):
            self.failure = self._words(name, event)

    def _take(self, said: dict[str, Any]) -> None:
        summary = self.summary
        if "current" in said:  # the comparison: the one line of a box that is right
            summary.generation = said.get("generation") or 0
            summary.noted = list(said.get("noted", ()))
            if said["current"]:
                summary.warnings = list(said.get("warnings", ()))
            return
        if "plan" in said:
            summary.plan = said["plan"]
            return
        summary.generation = said.get("generation", summary.generation)
        for kind in (*KINDS, "aside", "kept", "warnings"):
            known = getattr(summary, kind)
            known += [each for each in said.get(kind, ()) if each not in known]
        summary.changed |= bool(said.get("changed"))

    def _words(self, name: str, event: dict[str, Any]) -> str:
        said = (event["said"] or {}).get("failed", "")
        if event["event"] == "unreachable" and self._switching:
            return (
                "the box does not answer since the switch began; it goes back by itself when its"
                f" time to be confirmed is over: {event['message']}"
            )
        if event["event"] == "unreachable":
            return f"the box does not answer: {event['message']}"
        return f"{name}: {said or event['stderr'].strip() or event['message']}"
