"""Commands and daemons of the simulated machines: the world's tree, read-only, around each.

The tree is one for all; what differs is bound over it: name servers, hosts, a private /tmp,
and the place's own folder at /data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.plan import Place
from lab.wire import inside

# What a simulated machine may do as its own root: packets of its own making, its own addresses.
# CAP_SYS_ADMIN and CAP_SYS_TIME are the host's.
CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
)
PRIVATE = ("/tmp", "/run", "/var/cache", "/var/lib/samba", "/var/log", "/var/tmp")  # noqa: S108 - inside the sandbox
ENVIRONMENT = {
    "HOME": "/data",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
MARK = "GATEWAY_LAB"
"""Every process of a lab has its state folder in this variable: so `down` finds it."""
SERVICES = Path(__file__).parent / "services"


@dataclass(frozen=True)
class World:
    """How a lab's machines are entered: the tree, and the folder with a folder for each."""

    tree: Path
    places: Path
    mark: str

    def folder(self, who: str) -> Path:
        """What the place sees as /data."""
        return self.places / who.replace("/", "_") / "data"

    def settle(self, place: Place, domain: str) -> None:
        """Write a place's own files, before anything runs there."""
        data = self.folder(place.who)
        data.mkdir(mode=0o755, parents=True, exist_ok=True)
        lines = [f"nameserver {address}" for address in place.resolvers]
        # A machine gives up soon, so that a test need not wait: resolv.conf(5).
        lines += [f"search {domain}", "options timeout:2 attempts:1"]
        (data.parent / "resolv.conf").write_text("\n".join(lines) + "\n")
        (data.parent / "hosts").write_text(f"127.0.0.1 localhost {place.who.replace('@', '-')}\n")

    def command(
        self,
        place: Place,
        argv: Sequence[str],
        *,
        daemon: bool = False,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The host's command that runs ``argv`` there. It ends with us unless it is a daemon."""
        return [*inside(place.namespace), *self.sandbox(place.who, argv, daemon, extra, env)]

    def sandbox(
        self,
        who: str,
        argv: Sequence[str],
        daemon: bool,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """The same without entering the namespace."""
        data = self.folder(who)
        words = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname"]
        words.append(who.replace("@", "-").replace("/", "-"))
        words += [] if daemon else ["--die-with-parent"]
        words += ["--ro-bind", str(self.tree), "/", "--proc", "/proc", "--dev", "/dev"]
        for path in PRIVATE:
            words += ["--tmpfs", path]
        words += ["--ro-bind", str(data.parent / "resolv.conf"), "/etc/resolv.conf"]
        words += ["--ro-bind", str(data.parent / "hosts"), "/etc/hosts"]
        words += ["--ro-bind", str(SERVICES), "/lab", "--bind", str(data), "/data"]
        words += ["--chdir", "/data", "--clearenv"]
        for name, value in {**ENVIRONMENT, MARK: self.mark, **(env or {})}.items():
            words += ["--setenv", name, value]
        words += ["--cap-drop", "ALL"]
        for capability in CAPABILITIES:
            words += ["--cap-add", capability]
        return [*words, *extra, *argv]
