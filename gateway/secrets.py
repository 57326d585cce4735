"""The devices' passwords: made here, kept in an Ansible vault beside the site, never in clear.

``vault.yml`` holds ``gateway_passwords: {varicam: …}`` and whatever else an operator keeps there.
Its clear text goes to and from ``ansible-vault`` by stdin and stdout only.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from gateway.nearest import nearest
from gateway.problems import Failed, Problem
from gateway.profiles import Limits
from gateway.run import run
from gateway.sharing import grants, profile_of
from gateway.site import Site

VARIABLE = "gateway_passwords"
PROXY_VARIABLE = "gateway_web_proxy"
"""The box's password at the hospital's web proxy: the hospital's, so nothing here makes it."""
KEY_VARIABLE = "gateway_reports_key"
"""The private key of the report site's certificate, if that is the hospital's."""
ENCRYPTED = b"$ANSIBLE_VAULT;"
# What a technician can read off a sheet and type on an old keyboard: one case, and none of the
# look-alikes i, l, 1, o and 0. 31 letters and digits: 16 of them are 79 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 16


def ensure(site: Site, vault: Path, password_file: Path | None) -> dict[str, str]:
    """The password of every device that has an account, made and kept if it had none.

    The vault is only written when a password was missing. Passwords of devices that are gone
    stay in it: a device may come back. Raises Failed with the way out.
    """
    # NFS knows a device by its address.
    needed = sorted({grant.device for grant in grants(site) if grant.server != "nfs"})
    if not needed and not is_told(site):
        return {}
    tree = _read(vault, password_file)
    _must_have_told(site, tree, vault)
    known = _passwords(tree, vault)
    fresh = {name: make(_limits(site, name)) for name in needed if name not in known}
    known |= fresh
    for name in needed:
        if fault := unfit(known[name], _limits(site, name)):
            raise Failed(_unfit_words(vault, name, fault))
    if fresh:
        _write(vault, password_file, {**tree, VARIABLE: dict(sorted(known.items()))})
    return {name: known[name] for name in needed}


def there(site: Site, vault: Path, password_file: Path | None) -> tuple[dict[str, str], list[str]]:
    """The passwords in the vault, and the devices that would be given one. It makes none."""
    needed = sorted({grant.device for grant in grants(site) if grant.server != "nfs"})
    known = _passwords(_read(vault, password_file), vault) if needed else {}
    found = {name: known[name] for name in needed if name in known}
    return found, [name for name in needed if name not in known]


def stored(site: Site, vault: Path, password_file: Path | None) -> dict[str, str]:
    """The passwords as they are in the vault; nothing is made. Raises Failed for a missing one."""
    needed = sorted({grant.device for grant in grants(site)})
    known = _passwords(_read(vault, password_file), vault) if needed else {}
    if missing := [name for name in needed if name not in known]:
        raise Failed(
            f"{vault} has no password of {', '.join(missing)} yet: `gateway apply` makes them"
        )
    return {name: known[name] for name in needed}


def rotate(site: Site, device: str, vault: Path, password_file: Path | None) -> None:
    """Put a new password of a device into the vault. The box has it after the next apply."""
    _must_have_account(site, device)
    tree = _read(vault, password_file)
    known = _passwords(tree, vault)
    old = known.get(device)
    fresh = make(_limits(site, device))
    while fresh == old:
        fresh = make(_limits(site, device))
    known = {**known, device: fresh}
    _write(vault, password_file, {**tree, VARIABLE: dict(sorted(known.items()))})


def show(site: Site, device: str, vault: Path, password_file: Path | None) -> str:
    """The password of one device, from the vault."""
    _must_have_account(site, device)
    known = _passwords(_read(vault, password_file), vault)
    if device not in known:
        raise Failed(f"{vault} has no password of {device} yet: `gateway apply` makes it")
    return known[device]


def logs_in_at_proxy(site: Site) -> bool:
    """Whether the box needs a password to reach its updates."""
    return bool(site.updates_proxy and site.updates_proxy.user)


def is_told(site: Site) -> bool:
    """Whether the box needs something secret that is the hospital's."""
    return logs_in_at_proxy(site) or has_certificate(site)


def has_certificate(site: Site) -> bool:
    """Whether the report site has a certificate of the hospital's, to which there is a key."""
    return bool(site.reports and site.reports.certificate)


def _must_have_told(site: Site, tree: dict[str, Any], vault: Path) -> None:
    if logs_in_at_proxy(site) and not tree.get(PROXY_VARIABLE):
        raise Failed(
            f"{vault} has no password for the hospital's web proxy: the proxy's administrator has "
            f"it, and `gateway secrets web-proxy {vault.parent}` keeps it"
        )
    if has_certificate(site) and not tree.get(KEY_VARIABLE):
        raise Failed(
            f"{vault} has no key for the certificate of the report site: whoever has the "
            f"certificate has it, and `gateway secrets certificate {vault.parent} < KEY` keeps it"
        )


def keep_key(site: Site, key: str, vault: Path, password_file: Path | None) -> None:
    """Put the key of the report site's certificate into the vault, if they belong together."""
    if not (site.reports and site.reports.certificate):
        raise Failed("the box makes its own certificate: name one in `reports.certificate` first")
    named = site.reports.certificate
    own = run(["openssl", "pkey", "-pubout"], check=False, stdin=key)
    if own.returncode:
        raise Failed("that is no private key as openssl knows them, or it has a passphrase")
    wanted = ["openssl", "x509", "-noout", "-pubkey"]
    if run(wanted, check=False, stdin=site.certificates[named]).stdout != own.stdout:
        raise Failed(f"that key is not the one of {named}, which begins with the site's own")
    tree = _read(vault, password_file)
    if tree.get(KEY_VARIABLE) != key:
        _write(vault, password_file, {**tree, KEY_VARIABLE: key})


def keep_proxy(site: Site, password: str, vault: Path, password_file: Path | None) -> None:
    """Put the web proxy's password into the vault. The box has it after the next apply."""
    if not logs_in_at_proxy(site):
        raise Failed("the box logs in at no web proxy: give `user` in `hospital.web_proxy` first")
    if not re.fullmatch(r"[!-~]{1,128}", password):
        raise Failed(
            "the web proxy's password must be printable ASCII without blanks, up to 128 "
            "characters: apt can hold no other (apt_auth.conf(5)); ask for another one"
        )
    tree = _read(vault, password_file)
    if tree.get(PROXY_VARIABLE) != password:
        _write(vault, password_file, {**tree, PROXY_VARIABLE: password})


def _must_have_account(site: Site, device: str) -> None:
    with_account = {grant.device for grant in grants(site)}
    if device in with_account:
        return
    if device in site.devices:
        raise Failed(f"{device} uses no share, so it has no account and no password")
    raise Failed(f"there is no device {device}: {nearest(device, sorted(with_account))}")


def make(limits: Limits) -> str:
    """A new password that a device with these limits can hold."""
    length = min(limits.password, LENGTH)
    password = "".join(secrets.choice(ALPHABET) for _ in range(length))
    return password.upper() if limits.password_case == "upper" else password  # noqa: S105 - a kind


def _limits(site: Site, device: str) -> Limits:
    profile = profile_of(site, device)
    return profile.limits if profile else Limits()


def unfit(password: str, limits: Limits) -> str:
    """Why a device cannot type a password; nothing if it can.

    One that a person wrote may not fit, and replacing it silently would lock a device out.
    """
    if not password or not password.isascii() or not password.isprintable():
        return "must be printable ASCII"
    if len(password) > limits.password:
        return f"is longer than the {limits.password} characters it can hold"
    return ""


def _unfit_words(vault: Path, device: str, fault: str) -> str:
    return (
        f"{vault}: the password of {device} {fault}: change it (`ansible-vault edit {vault}`), "
        "or delete its line and a new one is made"
    )


def check(site: Site, vault: Path, password_file: Path | None) -> list[Problem]:
    """Every password in the vault that its device cannot type, where it stands when decrypted.

    Lines are those that ``ansible-vault edit`` shows. The password itself is never shown.
    """
    if not vault.exists():
        return []
    text = _decrypted(vault, password_file)
    known = _passwords(_tree(text, vault), vault)
    needed = sorted({grant.device for grant in grants(site) if grant.server != "nfs"})
    mend = f"change it (`ansible-vault edit {vault}`), or delete its line and a new one is made"
    found = []
    for name in needed:
        if name in known and (fault := unfit(known[name], _limits(site, name))):
            line, column = _place(text, name)
            message = f"the password of {name} {fault}"
            found.append(Problem(str(vault), line, column, message, f"{VARIABLE}.{name}", mend))
    return sorted(found)


def _place(text: str, device: str) -> tuple[int, int]:
    """Line and column of a device's key in the decrypted vault, from 1."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    key = node
    for step in (VARIABLE, device):
        key, node = next(pair for pair in node.value if pair[0].value == step)
    return key.start_mark.line + 1, key.start_mark.column + 1


def _read(vault: Path, password_file: Path | None) -> dict[str, Any]:
    """The vault's variables; none if there is no vault yet."""
    return _tree(_decrypted(vault, password_file), vault)


def _decrypted(vault: Path, password_file: Path | None) -> str:
    try:
        content = vault.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failed(f"{vault} cannot be read: {error.strerror}") from None
    if not content.startswith(ENCRYPTED):
        raise Failed(f"{vault} is not encrypted: `ansible-vault encrypt {vault}` does it")
    return _ansible_vault(("decrypt", "--output", "-"), content.decode(), vault, password_file)


def _tree(text: str, vault: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        # Not its words: they would quote a line, and with it a password.
        raise Failed(f"{vault}: what is encrypted in it is not YAML") from None
    if not isinstance(tree, dict):
        raise Failed(f"{vault}: what is encrypted in it is not a mapping of variables")
    return tree


def _passwords(tree: dict[str, Any], vault: Path) -> dict[str, str]:
    known = tree.get(VARIABLE) or {}
    if not isinstance(known, dict):
        raise Failed(f"{vault}: {VARIABLE} must map devices to passwords")
    for name, password in known.items():
        if not isinstance(password, str):
            raise Failed(f"{vault}: put the password of {name} in quotes, or YAML changes it")
    return known


def _write(vault: Path, password_file: Path | None, tree: dict[str, Any]) -> None:
    """Replace the vault whole. Only what is encrypted already touches the disk."""
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    content = _ansible_vault(("encrypt", "--output", "-"), text, vault, password_file)
    if not content.startswith(ENCRYPTED.decode()):
        raise Failed(f"{vault}: ansible-vault gave back something that is not encrypted")
    try:
        # mkstemp makes it 0600.
        handle, fresh = tempfile.mkstemp(prefix=f".{vault.name}.", dir=vault.parent)
    except OSError as error:
        raise Failed(f"cannot write to {vault.parent}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(fresh).rename(vault)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def _ansible_vault(
    verb: tuple[str, ...], text: str, vault: Path, password_file: Path | None
) -> str:
    """Run ansible-vault on a text. The environment's password file goes before ansible.cfg's."""
    if password_file is None or not password_file.is_file():
        named = f"{password_file} is not there" if password_file else "no vault password file given"
        raise Failed(
            f"{named}: it opens {vault}, where the devices' passwords are. Make one once, and keep "
            "a copy of it: `(umask 077; openssl rand -base64 32 > FILE)`; then give "
            "--vault-password-file FILE"
        )
    program = Path(sys.executable).with_name("ansible-vault")
    done = run(
        [program if program.exists() else "ansible-vault", *verb],
        check=False,
        stdin=text,
        env={"ANSIBLE_VAULT_PASSWORD_FILE": str(password_file.absolute())},
    )
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip() or "ansible-vault said nothing"
    if "Invalid vault password was provided" in said:
        raise Failed(f"{password_file} holds no vault password: it is empty, or its script failed")
    if "Decryption failed" in said:
        raise Failed(f"{password_file} does not open {vault}: another password made it")
    raise Failed(f"ansible-vault {verb[0]} of {vault}: {said}")
