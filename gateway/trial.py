"""Try a department on this machine: the lab, provisioned and verified."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import lab
import lab.images
import lab.stock
from gateway import features
from gateway.apply import Connection, Order, Summary, apply
from gateway.load import Loaded
from gateway.run import run
from gateway.secrets import ensure, has_certificate, keep_key, keep_proxy, logs_in_at_proxy
from gateway.verify.context import Context
from gateway.verify.evidence import Evidence, Row


def begin(
    loaded: Loaded, name: str | None, say: Callable[[str], None], *, bare: bool = False
) -> lab.Lab:
    """Bring up the site's lab. Unless it shall be ``bare``, the box has the packages already."""
    if bare:
        return lab.up(loaded, name, say)
    tree = features.tree_of(loaded.site, loaded.source.line)
    files = {file.path: file.content for file in tree.files}
    return lab.up(loaded, name, say, lab.stock.recipe(tree.packages, files, date.today()))


@dataclass(frozen=True)
class Trial:
    """A lab with the description it is of. Its passwords live and die with the lab."""

    loaded: Loaded
    lab: lab.Lab

    @property
    def order(self) -> Order:
        """What to apply, and how the lab's box is reached."""
        self._be_told()
        site = Path(self.loaded.source.file)
        host = Connection(host=self.lab.ssh_host, ssh_args=" ".join(self.lab.ssh_options()))
        return Order(site, host, self._vault, self._password_file)

    def _be_told(self) -> None:
        """The password that the lab's web proxy asks for, as its administrator would tell it."""
        if logs_in_at_proxy(self.loaded.site):
            told = self.lab.proxy_password
            keep_proxy(self.loaded.site, told, self._vault, self._password_file)
        if key := self._certificate():
            keep_key(self.loaded.site, key, self._vault, self._password_file)

    def _certificate(self) -> str:
        """A stand-in for the hospital's, whose key is not here: put into the site, and its key."""
        site = self.loaded.site
        if not has_certificate(site):
            return ""
        key, made = (self.lab.state_dir / f"certificate.{each}" for each in ("key", "pem"))
        if not made.exists():
            hosts = [each.strip("[]") for each in features.reports.hosts(site)]
            names = [f"DNS:{each}" if each[-1].isalpha() else f"IP:{each}" for each in hosts]
            new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
            about = ("-subj", "/CN=hospital", "-addext", f"subjectAltName={','.join(names)}")
            run(["openssl", "req", "-x509", *new, *about, "-keyout", key, "-out", made])
        assert site.reports  # who has a certificate has a site  # noqa: S101
        site.certificates[site.reports.certificate or ""] = made.read_text("ascii")
        return key.read_text("ascii")

    @property
    def _vault(self) -> Path:
        return self.lab.state_dir / "vault.yml"

    @property
    def _password_file(self) -> Path:
        """What opens the vault: made once a lab, readable by root alone."""
        file = self.lab.state_dir / "vault-password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(32) + "\n")
        return file

    def apply(self, on_step: Callable[[str], None]) -> Summary:
        """Provision the lab's box as a real one is."""
        return apply(self.loaded, self.order, on_step)

    def verify(self, told: Callable[[Row], None], only: str = "") -> Evidence:
        """Run every check, from each device's own place."""
        from gateway.verify.run import verify  # pytest: other verbs need not wait for it

        self._certificate()
        passwords = ensure(self.loaded.site, self._vault, self._password_file)
        config = str(self.lab.ssh_config)
        return verify(
            Context(self.loaded, passwords, f"ssh://{self.lab.ssh_host}", config, self.lab),
            told,
            only,
        )
