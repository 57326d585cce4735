"""The hospital: name and time servers, web proxy, mail relay, web server, package cache.

All of it runs in the hospital's namespace, which has no way out. One thin wire leads out: for
each server that this machine's own apt connects to, a relay on the host takes a UNIX socket to
that server and port and to nothing else. The hospital's side of it is the package cache, and
the web proxy passes it what is asked of the mirror.

    box → tinyproxy → apt-cacher-ng → socat ─ UNIX socket ─ socat on the host → the mirror
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.problems import Failed
from gateway.run import run, start
from lab import machine
from lab.addresses import services
from lab.mirror import Host, Mirror, as_http, host_of
from lab.plan import HOSPITAL, Place, Plan
from lab.wire import inside
from lab.world import MARK, World

WEB_NAMES = ("www.hospital.example", "intranet.hospital.example")
PROXY_PASSWORD = "proxy-password"  # noqa: S105 - a file's name
CACHE_PORT = 3142
CACHE_SLOTS = 16
READY_SECONDS = 20


@dataclass(frozen=True)
class Hospital:
    """Starts the hospital of a plan."""

    plan: Plan
    world: World
    mirror: Mirror

    @property
    def place(self) -> Place:
        """Its namespace."""
        return self.plan.places[HOSPITAL]

    @property
    def data(self) -> Path:
        """Its folder: configurations, logs, mail."""
        return self.world.folder(HOSPITAL)

    def begin(self) -> None:
        """Start every service and wait until each listens."""
        self._relays()
        self._cache()
        self._names()
        self._clock()
        self._proxy()
        self._web_and_mail()
        self._wait()

    def _daemon(
        self, name: str, argv: Sequence[str], extra: Sequence[str] = (), lock: Path | None = None
    ) -> int:
        command = self.world.command(self.place, argv, daemon=True, extra=extra)
        if lock:  # held by the daemon itself, and so given back by the kernel when it dies
            command = ["flock", "--nonblock", "--no-fork", str(lock), *command]
        return start(command, log_file=self.data / f"{name}.log", env={MARK: self.world.mark})

    def _address(self, number: int) -> str:
        return f"127.0.1.{number}"

    def _relays(self) -> None:
        """The only way out: one socket for each server that apt here connects to."""
        for number, host in enumerate(self.mirror.hosts, 1):
            socket = self.data / f"out-{number}.sock"
            outer = ["socat", f"UNIX-LISTEN:/data/{socket.name},fork,mode=600"]
            outer.append(f"TCP:{host.name}:{host.port},connect-timeout=20")
            # Unlike all else it resolves names and connects as the host does.
            extra = [word for name in ("resolv.conf", "hosts") for word in _host_file(name)]
            command = self.world.sandbox(HOSPITAL, outer, daemon=True, extra=extra)
            start(command, log_file=self.data / "relay.log", env={MARK: self.world.mark})
            listen = f"TCP-LISTEN:{host.port},bind={self._address(number)},fork,reuseaddr"
            self._daemon("relay", ["socat", listen, f"UNIX-CONNECT:/data/{socket.name}"])

    def _cache(self) -> None:
        """apt-cacher-ng. Its files are kept across labs, each folder for one lab at a time."""
        folder = self.data / "apt-cacher-ng"
        folder.mkdir()
        settings = folder / "acng.conf"
        settings.touch(mode=0o600)  # a proxy's address may hold a password
        settings.write_text("\n".join(self._cache_settings()) + "\n")
        hosts = folder / "hosts"
        lines = ["127.0.0.1 localhost"]
        for number, host in enumerate(self.mirror.hosts, 1):
            lines.append(f"{self._address(number)} {host.name}")
        hosts.write_text("\n".join(lines) + "\n")
        argv = ["apt-cacher-ng", "-c", "/data/apt-cacher-ng", "foreground=1"]
        for slot in range(CACHE_SLOTS):
            kept = machine.cache() / "apt" / str(slot)
            kept.mkdir(parents=True, exist_ok=True)
            extra = ["--bind", str(kept), "/var/cache/apt-cacher-ng"]
            extra += ["--ro-bind", str(hosts), "/etc/hosts"]
            pid = self._daemon("apt-cacher-ng", argv, extra, lock=kept.parent / f"{slot}.lock")
            if self._listens(f"127.0.0.1:{CACHE_PORT}", pid):
                return
        raise Failed(f"the package cache does not start:\n{self._tail('apt-cacher-ng')}")

    def _cache_settings(self) -> list[str]:
        lines = [
            "CacheDir: /var/cache/apt-cacher-ng",
            "LogDir: /data/apt-cacher-ng",
            "SupportDir: /usr/lib/apt-cacher-ng",
            "BindAddress: 127.0.0.1",
            f"Port: {CACHE_PORT}",
            "AllowUserPorts: 0",  # any port
            # Only what is mapped below is fetched: the cache is no way to anywhere else.
            "ForceManaged: 1",
        ]
        if self.mirror.proxy:
            lines.append(f"Proxy: {self._reachable(self.mirror.proxy)}")
        return [*lines, *self._remaps()]

    def _remaps(self) -> list[str]:
        """What the box may ask for, and where it really is.

        The local path beside the URL serves a box that asks the mirror itself, not a proxy.
        """
        lines = []
        for number, site in enumerate(self.mirror.sites):
            asked = [site]
            if base := self.plan.site.updates.mirror:  # as features/updates.py writes it
                path = "debian" if site == self.mirror.main else "debian-security"
                asked.append(f"{base.rstrip('/')}/{path}")
            asked += [urlsplit(url).path or "/" for url in asked]
            asked = list(dict.fromkeys(map(as_http, asked)))
            lines.append(f"Remap-lab{number}: {' '.join(asked)} ; {self._reachable(site)}")
        return lines

    def _reachable(self, url: str) -> str:
        """A URL whose host the cache can reach: by name in its hosts file, or the relay itself."""
        host = host_of(url)
        if host not in self.mirror.hosts or not host.is_address:
            return url
        return url.replace(host.name, self._address(self.mirror.hosts.index(host) + 1), 1)

    @property
    def mirrors(self) -> tuple[Host, ...]:
        """The servers whose packages the box may ask for."""
        asked = [*self.mirror.sites, self.plan.site.updates.mirror]
        return tuple(dict.fromkeys(host_of(as_http(each)) for each in asked if each))

    def _names(self) -> None:
        listen = self.plan.site.hospital.dns
        if not listen:
            return
        names = dict.fromkeys(WEB_NAMES, self.plan.web_address)
        for name, found in services(self.plan.site).items():
            if found:
                names[f"{name}.hospital.example"] = found[0]
        argv = ["dnsmasq", "--keep-in-foreground", "--user=root", "--group=root", "--conf-file"]
        argv += ["--pid-file", "--no-resolv", "--no-hosts", "--bind-interfaces", "--log-queries"]
        argv += ["--log-facility=/data/dns.log", "--address=/#/"]  # all other names: NXDOMAIN
        argv += [f"--listen-address={address}" for address in listen]
        argv += [f"--host-record={name},{address}" for name, address in names.items()]
        direct = [host for host in self._direct() if not host.is_address]
        argv += [f"--host-record={host.name},{self.plan.mirror_address}" for host in direct]
        self._daemon("dnsmasq", argv)

    def _direct(self) -> tuple[Host, ...]:
        """Mirrors the box asks without a proxy, because the site names none for it."""
        if self.plan.site.hospital.web_proxy and self.plan.site.updates.proxy == "hospital":
            return ()
        return self.mirrors

    def _clock(self) -> None:
        settings = self.data / "chrony.conf"
        lines = ["local stratum 3", "allow all", "cmdport 0", "pidfile /run/chronyd.pid"]
        settings.write_text("\n".join(lines) + "\n")
        # -x: never steers the clock, which is the host's. -U: no check for the real root.
        argv = ["chronyd", "-d", "-x", "-U", "-u", "root", "-f", f"/data/{settings.name}"]
        self._daemon("chronyd", argv)

    def _proxy(self) -> None:
        way = self.plan.site.hospital.web_proxy
        if not way:
            return
        lines = [
            f"Listen {way.address}",
            f"Port {way.port}",
            "MaxClients 200",
            "Timeout 60",
            'LogFile "/data/proxy.log"',
            "LogLevel Connect",
            "DisableViaHeader Yes",
        ]
        if way.user:  # tinyproxy.conf(5), BasicAuth
            lines.append(f"BasicAuth {way.user} {self.proxy_password()}")
        lines += [f'Upstream http 127.0.0.1:{CACHE_PORT} "{each.name}"' for each in self.mirrors]
        settings = self.data / "tinyproxy.conf"
        settings.touch(mode=0o600)
        settings.write_text("\n".join(lines) + "\n")
        self._daemon("tinyproxy", ["tinyproxy", "-d", "-c", "/data/tinyproxy.conf"])

    def proxy_password(self) -> str:
        """What its web proxy asks for: made once a lab, readable by root alone."""
        kept = self.data / PROXY_PASSWORD
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_hex(8))
        return kept.read_text()

    def _web_and_mail(self) -> None:
        web = str(self.plan.web_address)
        self._daemon("web", ["python3", "/lab/web.py", web, "80", "/data/web.jsonl"])
        for host in self._direct():
            at = host.name if host.is_address else self.plan.mirror_address
            listen = f"TCP-LISTEN:{host.port},bind={at},fork,reuseaddr"
            self._daemon("mirror", ["socat", listen, f"TCP:127.0.0.1:{CACHE_PORT}"])
        if relay := self.plan.site.hospital.mail_relay:
            self._daemon("mail", ["python3", "/lab/mail.py", str(relay), "25", "/data/mail"])

    def _wait(self) -> None:
        expected = [f"{self.plan.web_address}:80"]
        offer = self.plan.site.hospital
        expected += [f"{address}:53" for address in offer.dns]
        if offer.web_proxy:
            expected.append(f"{offer.web_proxy.address}:{offer.web_proxy.port}")
        if offer.mail_relay:
            expected.append(f"{offer.mail_relay}:25")
        for address in expected:
            if not self._listens(address):
                logs = "\n".join(self._tail(each.stem) for each in sorted(self.data.glob("*.log")))
                raise Failed(f"the lab's hospital does not answer on {address}:\n{logs}")

    def _listens(self, address: str, pid: int | None = None) -> bool:
        """Whether something listens there soon; gives up early when the process has ended."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            seen = run([*inside(self.place.namespace), "ss", "-Hltn"]).stdout
            if any(line.split()[3] == address for line in seen.splitlines()):
                return True
            if pid and _ended(pid):
                return False
            time.sleep(0.05)
        return False

    def _tail(self, name: str) -> str:
        log = self.data / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(f"{name}: {line}" for line in lines[-5:])


def _ended(pid: int) -> bool:
    """Whether a child of ours is gone or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _host_file(name: str) -> tuple[str, ...]:
    path = Path("/etc") / name
    return ("--ro-bind", str(path.resolve()), f"/etc/{name}") if path.exists() else ()
