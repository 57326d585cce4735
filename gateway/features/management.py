"""ssh for the administrators: keys only, from the places the description names."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.features.shape import Feature
from gateway.policy import SERVICES, Flow, Reason, box_end, end
from gateway.render import RenderedFile, fill
from gateway.site import Site

KEYS = "/etc/ssh/authorized_keys.d/root"


def flows(site: Site) -> Iterator[Flow]:
    """ssh from each place in ``administration.from``."""
    for index, who in enumerate(site.administration.allowed_from):
        source = end(site, who)
        if source and source.network:
            reason = Reason(("administration", "from", index))
            box = box_end(site, source.network)
            yield Flow(source, box, SERVICES["ssh"], reason, "management")


def files(site: Site, _policy: tuple[Flow, ...]) -> Iterator[RenderedFile]:
    """sshd's configuration, and the administrators' keys where the site lists them."""
    yield RenderedFile(
        "/etc/ssh/sshd_config",
        fill("etc/ssh/sshd_config.j2", keys=KEYS.replace("/root", "/%u")),
        "management",
        check=("sshd", "-t", "-f", "{file}"),
        reload=("systemctl", "try-reload-or-restart", "ssh.service"),
    )
    if site.administration.ssh_keys:
        text = "".join(f"{key}\n" for key in site.administration.ssh_keys)
        yield RenderedFile(KEYS, text.encode(), "management", check=("ssh-keygen", "-lf", "{file}"))


FEATURE = Feature(
    "management",
    flows=flows,
    files=files,
    packages=lambda _site: ("openssh-server",),
    units=lambda _site: ("ssh.service",),
    # Who may log in, and what root does without being asked.
    folders=lambda _site: (
        "/etc/ssh/authorized_keys.d",
        "/root/.ssh/authorized_keys",
        "/etc/sudoers.d",
        "/etc/cron.d",
    ),
)
