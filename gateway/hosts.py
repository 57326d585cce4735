"""Where a description's box is, as ``hosts.yml`` beside it says: read by Ansible itself."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from gateway.problems import Failed
from gateway.run import run

FILE = "hosts.yml"
GROUP = "gateways"
PLAIN = ("", "22")


def ssh_words(inventory: Path) -> list[str]:
    """What ``ssh`` is to be told to reach the one box of an inventory, and the host.

    Raises Failed when it has none, or several, or one that is not reached by ssh.
    """
    program = Path(sys.executable).with_name("ansible-inventory")
    told = json.loads(run([program, "--inventory", inventory, "--list"], timeout=60).stdout)
    names = told.get(GROUP, {}).get("hosts", [])
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise Failed(f"{inventory}: one box is wanted in the group {GROUP}, there is: {found}")
    values = told["_meta"]["hostvars"].get(names[0], {})
    if values.get("ansible_connection", "ssh") not in ("ssh", "smart"):
        raise Failed(
            f"{inventory}: {names[0]} is not reached by ssh: run `gateway-box report` on it"
        )
    words = [
        word
        for key in ("ansible_ssh_common_args", "ansible_ssh_extra_args")
        for word in shlex.split(str(values.get(key, "")))
    ]
    port = str(values.get("ansible_port", ""))
    words += [] if port in PLAIN else ["-p", port]
    if key := values.get("ansible_ssh_private_key_file"):
        words += ["-i", str(key)]
    user, host = values.get("ansible_user", ""), values.get("ansible_host", names[0])
    words += ["-o", "BatchMode=yes", "--", f"{user}@{host}" if user else str(host)]
    return [*words, "sudo", "-n"] if values.get("ansible_become") else words
