"""Two ratios, each within one run (root, a lab; some minutes):

- an already applied box: `gateway apply` against one ansible.builtin.template task a file, over
  the same ssh: at least 5 times faster;
- a bare box: `gateway apply` against `apt-get install` of the same packages: at most 1.3 times.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lab
from gateway import features
from gateway.apply import Summary
from gateway.load import Loaded, load
from gateway.run import run
from gateway.tree import Tree
from gateway.trial import Trial

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "inventory" / "kaohsiung" / "site.yml"
FASTER, SLOWER = 5.0, 1.3


def seconds(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def apt_alone(made: lab.Lab, packages: list[str]) -> None:
    """What an operator would type on the bare box: the proxy, then one transaction."""
    proxy = made.site.hospital.web_proxy
    option = (
        f"--option=Acquire::http::Proxy=http://{proxy.address}:{proxy.port}/" if proxy else "-q"
    )
    shell = (
        f"export DEBIAN_FRONTEND=noninteractive; apt-get {option} -q update && "
        f"apt-get {option} -q -y --no-install-recommends install {' '.join(packages)}"
    )
    run(["ssh", *made.ssh_options(), "box", shell], timeout=900)


def template_play(tree: Tree, folder: Path) -> Path:
    """The way this is usually done: a task a file."""
    tasks = []
    for index, file in enumerate(tree.files):
        source = folder / f"{index}.j2"
        text = file.content.decode()
        # Jinja drops one newline at the end of a template, keep_trailing_newline or not.
        source.write_text("{% raw %}" + text.removesuffix("\n") + "{% endraw %}\n")
        values = {"src": str(source), "dest": file.path, "owner": file.owner}
        values |= {"group": file.group, "mode": f"{file.mode:04o}"}
        tasks.append({"name": f"Place {file.path}", "ansible.builtin.template": values})
    play = folder / "play.yml"
    play.write_text(json.dumps([{"hosts": "gateways", "gather_facts": False, "tasks": tasks}]))
    return play


def by_templates(trial: Trial, tree: Tree, folder: Path) -> str:
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps(trial.order.connection.inventory("box")))
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [program, "-i", inventory, template_play(tree, folder)]
    environment = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(folder / "ssh")
    return run(command, env=environment, timeout=900).stdout


def fresh(loaded: Loaded, name: str, what: Callable[[lab.Lab], object]) -> float:
    """Seconds of something on a bare box of its own."""
    made = lab.up(SITE, name)
    try:
        return seconds(lambda: what(made))
    finally:
        lab.down(name)


def main() -> int:
    loaded = load(SITE)
    tree = features.tree_of(loaded.site, loaded.source.line)
    packages = list(tree.packages)
    name = f"bench{os.getpid()}"
    fresh(loaded, name, lambda made: apt_alone(made, packages))  # fills the package cache
    apt = fresh(loaded, name, lambda made: apt_alone(made, packages))
    made = lab.up(SITE, name)
    try:
        trial = Trial(loaded, made)
        summaries: list[Summary] = []
        first = seconds(lambda: summaries.append(trial.apply(lambda _step: None)))
        steps = [step for step in summaries[0].steps if step.changed]
        again = min(seconds(lambda: trial.apply(lambda _step: None)) for _ in range(3))
        with tempfile.TemporaryDirectory() as scratch:
            by_templates(trial, tree, Path(scratch))  # connects, and settles differences
            told: list[str] = []
            tasks = seconds(lambda: told.append(by_templates(trial, tree, Path(scratch))))
    finally:
        lab.down(name)
    if "changed=0" not in told[0]:
        print("the templates are not what the box has: no fair comparison", file=sys.stderr)
        return 1
    print(f"{len(tree.files)} files, {len(packages)} packages named")
    print(f"applied box: templates {tasks:.1f} s, gateway {again:.1f} s: 1/{tasks / again:.1f}")
    print(f"bare box: apt-get {apt:.1f} s, gateway {first:.1f} s: {first / apt:.2f}")
    print("  " + ", ".join(f"{step.name.lower()} {step.seconds:.1f} s" for step in steps))
    return 0 if tasks / again >= FASTER and first / apt <= SLOWER else 1


if __name__ == "__main__":
    sys.exit(main())
