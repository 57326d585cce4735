"""The lab comes up, is what it says, and leaves nothing, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from gateway.load import load
from gateway.problems import Failed
from gateway.run import run
from lab.hospital import PROXY_PASSWORD

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "inventory" / "kaohsiung"
# So unlike anything else on the machine that whatever carries it is this test's lab.
NAME = f"zz{os.getpid()}"
SECOND = f"{NAME}-b"
PROXY = "http://192.0.2.80:3128"
MIRROR_ASKED = ["apt-get", "-q", "-o", "Acquire::Retries=0", "-o", "APT::Update::Error-Mode=any"]


def traces(name: str) -> set[str]:
    """Everything on the machine that carries a lab's name, found without the lab's own code."""
    names = (each.name for each in Path("/run/netns").iterdir())
    found = {f"namespace {each}" for each in names if f"gw.{name}." in each}
    for process in Path("/proc").glob("[0-9]*"):
        for kind in ("cmdline", "environ", "mountinfo"):
            try:
                text = (process / kind).read_bytes()
            except OSError:
                continue
            if any(each in text for each in (f"/{name}/".encode(), f"gw-{name}\0".encode())):
                found.add(f"process {process.name} by {kind}")
    places = ["/run/gateway-lab", "/var/cache/gateway-lab/boxes", "/sys/fs/cgroup"]
    places += ["/sys/fs/cgroup/unified", "/run/systemd/nspawn/propagate"]
    for place in filter(Path.is_dir, map(Path, places)):
        ours = (name, f"{name}.lock", f"gateway-lab.{name}", f"gw-{name}")
        found |= {str(each) for each in place.iterdir() if each.name in ours}
    return found


def host_links() -> set[str]:
    return {line.split(":")[1] for line in run(["ip", "-o", "link"]).stdout.splitlines()}


@pytest.fixture(scope="module")
def up() -> Iterator[lab.Lab]:
    links = host_links()
    made = lab.up(SITE, NAME)
    yield made
    assert traces(NAME), "the detector must see a lab that is up, or its silence means nothing"
    made.down()
    assert not traces(NAME)
    assert host_links() <= links


def works(made: lab.Lab, who: str, *argv: str) -> bool:
    return made.exec(who, argv).returncode == 0


def test_neighbours_reach_each_other_and_nobody_else(up: lab.Lab) -> None:
    assert works(up, "win95", "ping", "-c1", "-W1", "10.1.1.12")
    assert works(up, "console", "ping", "-c1", "-W1", "10.1.2.1")
    # A bare box forwards nothing, and no other way leads from the cameras to the office.
    assert not works(up, "win95", "ping", "-c1", "-W1", "10.1.2.30")


def test_every_place_has_its_own_address_and_mac(up: lab.Lab) -> None:
    said = up.exec("win95", ["ip", "-o", "addr", "show", "eth0"]).stdout
    assert "10.1.1.15/24" in said
    assert "02:00:5e:10:01:15" in up.exec("win95", ["ip", "-o", "link", "show", "eth0"]).stdout
    assert "10.1.1.15" not in up.exec("varicam", ["ip", "-o", "addr"]).stdout


def test_box_is_a_bare_debian_13_with_the_sites_cards(up: lab.Lab) -> None:
    assert "VERSION_CODENAME=trixie" in up.exec("box", ["cat", "/etc/os-release"]).stdout
    cards = up.exec("box", ["ip", "-br", "addr"]).stdout
    for card, address in [("hosp0", "192.0.2.10"), ("cam0", "10.1.1.1"), ("office0", "10.1.2.1")]:
        assert any(card in line and address in line for line in cards.splitlines())
    assert works(up, "box", "test", "-e", "/usr/sbin/nft")
    for ours in ("/usr/sbin/smbd", "/usr/sbin/dnsmasq", "/usr/sbin/chronyd", "/var/lib/gateway"):
        assert not works(up, "box", "test", "-e", ours)
    assert up.exec("box", ["systemctl", "is-system-running"]).stdout.strip() == "running"


def test_ssh_goes_over_the_network_from_the_administrators_place(
    up: lab.Lab, tmp_path: Path
) -> None:
    ssh = ["ssh", *up.ssh_options(), "-o", "BatchMode=yes", "box"]
    assert run([*ssh, "echo $SSH_CLIENT"]).stdout.split()[0] == "10.1.2.30"
    # The same way without the key: the port is open to everyone here, the box to nobody.
    lines = up.ssh_config.read_text().splitlines()
    keyless = tmp_path / "config"
    keyless.write_text("\n".join(each for each in lines if "IdentityFile" not in each))
    run(["ssh-keygen", "-q", "-N", "", "-f", tmp_path / "other"])
    ssh = ["ssh", "-F", str(keyless), "-i", str(tmp_path / "other"), "-o", "BatchMode=yes", "box"]
    refused = run([*ssh, "true"], check=False)
    assert refused.returncode == 255
    assert "Permission denied" in refused.stderr


def proxy(of: lab.Lab) -> str:
    """The web proxy with the user of the site, and the password that this lab has made."""
    described = of.site.hospital.web_proxy
    assert described
    password = (of.folder("hospital") / PROXY_PASSWORD).read_text().strip()
    return PROXY.replace("//", f"//{described.user}:{password}@")


def test_only_the_web_proxy_reaches_the_package_mirror(up: lab.Lab) -> None:
    through = [*MIRROR_ASKED, "-o", f"Acquire::http::Proxy={proxy(up)}", "update"]
    done = up.exec("box", through, timeout=120)
    assert done.returncode == 0, done.stderr
    assert up.exec("box", [*MIRROR_ASKED, "update"], timeout=120).returncode != 0


def test_proxy_fetches_nothing_but_packages_and_the_hospitals_own(up: lab.Lab) -> None:
    def fetch(url: str, by: str = "") -> str:
        through = ["--proxy", by or proxy(up)]
        asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *through, url]
        return up.exec("outsider", asked).stdout

    assert fetch("http://www.hospital.example/") == "200"
    assert fetch("http://www.hospital.example/", PROXY) == "407", "it asks for a password"
    assert fetch("http://203.0.113.7/") != "200"
    assert fetch("http://deb.debian.org.invalid/debian/") != "200"


@pytest.mark.parametrize("who", ["hospital", "outsider", "192.0.2.50", "box"])
def test_no_place_has_a_way_out(up: lab.Lab, who: str) -> None:
    tried = "import socket; socket.create_connection(('{}', {}), 3)"
    real = ["python3", "-c", tried.format("9.9.9.9", 53)]
    began = time.monotonic()
    assert "No route to host" in up.exec(who, real).stderr
    assert time.monotonic() - began < 2, "at once: a client need not wait for a timeout"
    inside = ["python3", "-c", tried.format(up.plan.web_address, 80)]
    assert up.exec(who, inside).returncode == 0, "and the lab's own servers do answer"


def test_hospitals_services_answer(up: lab.Lab) -> None:
    assert (
        up.exec("outsider", ["dig", "+short", "www.hospital.example"]).stdout == "198.51.100.80\n"
    )
    assert "NXDOMAIN" in up.exec("outsider", ["dig", "www.example.com"]).stdout
    assert "192.0.2.123" in up.exec("outsider", ["ntpdig", "192.0.2.123"]).stdout
    page = up.exec("outsider", ["curl", "-s", "http://www.hospital.example/"]).stdout
    assert page.startswith("you are 192.0.2.254\n")
    assert '"client": "192.0.2.254"' in (up.folder("hospital") / "web.jsonl").read_text()


def test_mail_is_kept_with_its_clients_address(up: lab.Lab) -> None:
    send = (
        "import smtplib; smtplib.SMTP('192.0.2.25').sendmail("
        "'a@nm.example', ['b@ward.example'], 'Subject: x\\r\\n\\r\\n.dot\\r\\nend')"
    )
    assert works(up, "outsider", "python3", "-c", send)
    kept = (up.folder("hospital") / "mail" / "1.eml").read_text()
    assert "X-Lab-Client: 192.0.2.254" in kept
    assert "\n.dot" in kept


def test_nobody_leases_an_address_before_the_box_is_provisioned(up: lab.Lab) -> None:
    assert up.lease("win95") == {}
    server = "mkdir /run/x; exec dnsmasq --keep-in-foreground --user=root --port=0 --conf-file"
    server += " --interface=eth0 --dhcp-range=10.1.1.100,10.1.1.101 --dhcp-leasefile=/tmp/l"
    rogue = subprocess.Popen(up.command("varicam", ["sh", "-c", server]))
    try:
        deadline = time.monotonic() + 10
        while not (offer := up.lease("win95")) and time.monotonic() < deadline:
            pass
        assert offer["ip"].startswith("10.1.1.10"), "a server that is there is seen"
        assert "10.1.1.15/24" in up.exec("win95", ["ip", "-o", "addr"]).stdout, "nothing changed"
    finally:
        rogue.kill()
        rogue.wait()


def test_commands_have_no_power_over_the_host(up: lab.Lab) -> None:
    assert not works(up, "win95", "touch", "/usr/x")
    assert not works(up, "win95", "mount", "-t", "tmpfs", "none", "/mnt")
    assert not works(up, "win95", "date", "-s", "2001-01-01")
    assert works(up, "win95", "touch", "/run/x", "/data/x")
    assert (up.folder("win95") / "x").exists()


def test_commands_are_fast_and_end_with_their_caller(up: lab.Lab) -> None:
    up.exec("win95", ["true"])
    times = []
    for _ in range(5):
        began = time.monotonic()
        up.exec("win95", ["true"])
        times.append(time.monotonic() - began)
    assert min(times) < 0.05
    for who in ("win95", "box"):
        with pytest.raises(Failed, match="no end after"):
            up.exec(who, ["sleep", "4242"], timeout=0.5)
    time.sleep(0.2)
    assert not run(["pgrep", "-x", "-f", "sleep 4242"], check=False).stdout


def test_a_power_cut_keeps_the_disk(up: lab.Lab) -> None:
    up.exec("box", ["sh", "-c", "echo kept > /root/kept && sync"], check=True)
    up.power_cut()
    assert not up.is_up()
    with pytest.raises(Failed, match="does not run"):
        up.exec("box", ["true"])
    up.boot()
    assert up.exec("box", ["cat", "/root/kept"]).stdout == "kept\n"
    first = up.exec("box", ["cat", "/proc/1/stat"]).stdout
    up.reboot()
    assert up.exec("box", ["cat", "/root/kept"]).stdout == "kept\n"
    assert up.exec("box", ["cat", "/proc/1/stat"]).stdout != first


def test_a_lab_that_is_up_is_not_brought_up_again(up: lab.Lab) -> None:
    with pytest.raises(Failed, match="is up already"):
        lab.up(SITE, NAME)
    assert works(up, "box", "true"), "and the refusal has not harmed it"


def test_two_labs_of_one_site_do_not_meet(up: lab.Lab) -> None:
    other = lab.up(SITE, SECOND)
    try:
        other.exec("hospital", ["touch", "/data/second"])
        assert not (up.folder("hospital") / "second").exists()
        rogue = subprocess.Popen(other.command("varicam", ["socat", "TCP-LISTEN:7777,fork", "-"]))
        assert not works(up, "win95", "socat", "-u", "/dev/null", "TCP:10.1.1.12:7777")
        through = [*MIRROR_ASKED, "-o", f"Acquire::http::Proxy={proxy(other)}", "update"]
        assert other.exec("box", through, timeout=120).returncode == 0
        rogue.kill()
        rogue.wait()
    finally:
        other.down()
    assert not traces(SECOND)
    assert works(up, "box", "true"), "the first one lives on"
    assert works(up, "outsider", "curl", "-s", "http://198.51.100.80/")


@pytest.mark.parametrize(
    ("said", "delay"),
    [("networks", 0), ("networks", 0.08), ("hospital", 0.1), ("booting", 0), ("booting", 0.4)],
)
def test_killed_in_the_middle_of_up_and_then_down(said: str, delay: float) -> None:
    name = f"{NAME}k"
    code = (
        f"import lab; from pathlib import Path; lab.up(Path({str(SITE)!r}), {name!r},"
        " lambda line: print(line, flush=True)); print('networks hospital booting: up')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        assert any(said in line and ": up" not in line for line in process.stdout)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert traces(name)
    finally:
        assert lab.down(name)
    assert not traces(name)


def test_up_clears_what_a_killed_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{NAME}r"
    made = lab.up(SITE, name)
    for pid in [made.box.leader()]:
        assert pid
        os.kill(pid, signal.SIGKILL)
    assert traces(name)
    again = lab.up(SITE, name)
    assert again.is_up()
    again.down()
    assert not traces(name)


def test_a_failure_while_coming_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{NAME}f"
    monkeypatch.setattr("lab.box.BOOT_SECONDS", 0)
    with pytest.raises(Failed, match="does not boot in 0 s"):
        lab.up(SITE, name)
    assert not traces(name)


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    code = """
import sys
from gateway.cli_lab import app
from gateway.problems import Failed
try:
    app()
except Failed as failed:
    sys.exit(str(failed))
"""
    return run([sys.executable, "-c", code, *words], cwd=ROOT, check=False)


def test_verbs(up: lab.Lab) -> None:
    rows = json.loads(cli("status", NAME, "--json").stdout)
    assert {row["who"] for row in rows} == set(up.plan.places)
    box = next(row for row in rows if row["who"] == "box")
    assert box["processes"] > 3
    said = cli("exec", "--lab", NAME, "win95", "--", "sh", "-c", "hostname; exit 7")
    assert (said.stdout, said.returncode) == ("win95\n", 7)
    unknown = cli("exec", "--lab", NAME, "nobody", "--", "true")
    assert unknown.returncode == 1
    assert "there is no `nobody`" in unknown.stderr
    assert "win95" in cli("status", NAME).stdout


def test_down_of_nothing_says_so() -> None:
    assert lab.down("nothing-here") is False
    with pytest.raises(Failed, match="there is no lab nothing-here"):
        lab.find("nothing-here")


def test_the_example_has_every_place_the_brief_of_a_lab_asks_for(up: lab.Lab) -> None:
    site = load(SITE).site
    networked = {name for name, each in site.devices.items() if each.network}
    assert networked | {"box", "hospital", "outsider", "192.0.2.50"} <= set(up.plan.places)
    assert "starcam" not in up.plan.places, "it has no network"
