"""What one device's sheet says, computed from the site alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gateway.cards.text import Language, plain, rich, words
from gateway.profiles import Profile
from gateway.sharing import Grant, by_appletalk, grants, nfs_version, profile_of
from gateway.site import Site
from gateway.weak import kind_of, weaknesses

FAX_PORT = 4559  # hfaxd(8)
FIRST_LETTER = ord("I")  # above what card readers and the hospital's own drives take
LETTERS = 18


@dataclass(frozen=True)
class Fact:
    """A line of a table: what it is, and its value, typed as it stands when ``typed``."""

    name: str
    value: str
    typed: bool = True


@dataclass(frozen=True)
class Help:
    """How a person does it, how he sees that it works, and what may be wrong."""

    steps: tuple[Markup, ...] = ()
    commands: tuple[str, ...] = ()
    """Typed as printed. The lab's checks type them too."""
    works: Markup = Markup()  # noqa: RUF009 - immutable
    faults: tuple[tuple[Markup, Markup], ...] = ()


@dataclass(frozen=True)
class Folder:
    """A shared folder as one device sees it."""

    name: str
    writes: bool
    target: str
    """What is typed to reach it."""


@dataclass(frozen=True)
class Files:
    """How a device reaches its folders; ``table`` is for its fstab or vfstab."""

    folders: tuple[Folder, ...]
    account: str
    password: str
    weak: str
    """Which words of warning it needs: ``weak``, ``weak_zone``, or none."""
    help: Help
    table: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """One sheet."""

    device: str
    title: str
    language: Language
    about: tuple[Fact, ...]
    network: tuple[Fact, ...] = ()
    set_where: Markup = Markup()  # noqa: RUF009 - immutable
    files: Files | None = None
    dicom: tuple[Fact, ...] = ()
    dicom_help: Help | None = None
    fax: tuple[Fact, ...] = ()
    fax_commands: tuple[str, ...] = ()
    images: tuple[Fact, ...] = ()
    """Where its image files are put, and where those for it are found."""
    carriers: tuple[tuple[str, str], ...] = ()
    """Without a network: the machines that may take its floppies, and their folders."""

    @property
    def words(self) -> Mapping[str, str]:
        """The headings, in its language."""
        told: Mapping[str, str] = words(self.language)["words"]
        return told


def cards(
    site: Site, language: Language, passwords: Mapping[str, str] | None, fingerprint: str = ""
) -> list[Card]:
    """A sheet for every device. ``passwords`` None: they are not printed."""
    return [card(site, device, language, passwords, fingerprint) for device in site.devices]


def card(
    site: Site,
    device: str,
    language: Language,
    passwords: Mapping[str, str] | None = None,
    fingerprint: str = "",
) -> Card:
    """The sheet of one device. ``fingerprint``: of the authority that the box has made."""
    profile, told = profile_of(site, device), words(language)
    assert profile  # a site that was checked has no unknown profile  # noqa: S101
    described, head = site.devices[device], words(language)["words"]
    about = [Fact(head["device"], device), Fact(head["system"], profile.system, typed=False)]
    if described.comment:
        about.append(Fact(head["where"], described.comment, typed=False))
    if described.network is None:
        carriers, images = tuple(_carriers(site)), tuple(_images(site, device, head))
        about_it = tuple(about)
        return Card(device, profile.title, language, about_it, images=images, carriers=carriers)
    about += _reports(site, device, head, fingerprint)
    values = values_of(site, device)
    mine = tuple(grant for grant in grants(site) if grant.device == device)
    # By its MAC: see features/dnsmasq.py.
    lent = bool(site.networks[described.network].inside and profile.dhcp and described.mac)
    instructions = _instructions(told, profile, "" if not mine else _kind(site, mine[0]))
    password = head["password_asked"] if passwords is None else passwords.get(device, "")
    weak = any(each.device == device and each.share for each in weaknesses(site))
    warning = ("weak_zone" if by_appletalk(site, device) else "weak") if weak else ""
    return Card(
        device=device,
        title=profile.title,
        language=language,
        about=tuple(about),
        network=tuple(_network(site, device, head, lent=lent)),
        set_where=Markup() if lent else rich(instructions["address"], values),
        files=_files(mine, values, instructions, password, weak=warning),
        dicom=tuple(_dicom(site, device, head)),
        dicom_help=_help(told["dicom"], values) if _in_archive(site, device) else None,
        fax=tuple(_fax(site, device, head)),
        images=tuple(_images(site, device, head)),
        fax_commands=(f"sendfax -n -h {values['fqdn']} -d NUMBER page.pdf",),
    )


def values_of(site: Site, device: str) -> dict[str, str]:
    """What the texts may name: everything as text."""
    described = site.devices[device]
    assert described.network  # its caller asked  # noqa: S101
    network, archive = site.networks[described.network], site.archive
    return {
        "account": device,
        "own": str(described.address),
        "own_ae": described.ae_title or "",
        "own_port": str(described.dicom_port),
        "network": described.network,
        "server": site.box.name,
        "SERVER": site.box.name.upper(),
        "address": str(network.address.ip),
        "fqdn": f"{site.box.name}.{site.box.domain}" if network.inside else str(network.address.ip),
        "workgroup": site.box.workgroup,
        "archive_ae": archive.ae_title if archive else "",
        "zone": network.zone or "",
    }


def _kind(site: Site, grant: Grant) -> str:
    """The protocol whose instructions a device needs."""
    kind = "appletalk" if by_appletalk(site, grant.device) else kind_of(grant.server)
    profile = profile_of(site, grant.device)
    return "nfs4" if kind == "nfs" and profile and nfs_version(profile) == 4 else kind


def _instructions(told: Mapping[str, Any], profile: Profile, kind: str) -> Any:
    """The system's own words for its protocol, else general ones."""
    by_kind = told["mounts"].get(profile.mount or "", {})
    if kind:  # a system with one way to mount both versions of NFS has one text for them
        return by_kind.get(kind) or by_kind.get(kind.removesuffix("4"), told["generic"])
    return next(iter(by_kind.values()), told["generic"])


def _network(site: Site, device: str, head: Mapping[str, str], *, lent: bool) -> Iterator[Fact]:
    described = site.devices[device]
    assert described.network  # its caller asked  # noqa: S101
    network = site.networks[described.network]
    box = str(network.address.ip)
    how = head["by_dhcp"] if lent else head["by_hand"]
    yield Fact(head["network"], described.network)
    yield Fact(head["address"], f"{described.address} ({how})")
    yield Fact(head["mask"], str(network.network.netmask))
    if network.inside:
        yield Fact(head["router"], box)
        yield Fact(head["dns"], box)
        yield Fact(head["time"], box)
        yield Fact(head["domain"], site.box.domain)
    if by_appletalk(site, device):
        yield Fact(head["zone"], network.zone or "")
    yield Fact(head["server"], f"{site.box.name} ({box})")


def _files(
    mine: tuple[Grant, ...],
    values: Mapping[str, str],
    texts: Mapping[str, Any],
    password: str,
    *,
    weak: str,
) -> Files | None:
    if not mine:
        return None
    # NFS 3 and 4 mount BOX:/share (templates/etc/nfs.conf.d, etc/ganesha).
    filled = [
        {**values, "share": grant.share, "path": f"/{grant.share}", "letter": f"{letter}:"}
        for grant, letter in zip(mine, _letters(), strict=False)
    ]
    target = texts.get("target", "{share}")
    folders = tuple(
        Folder(grant.share, grant.writes, plain(target, each))
        for grant, each in zip(mine, filled, strict=False)
    )
    first = {**filled[0], "first_letter": filled[0]["letter"]}
    commands = [plain(texts["logon"], first)] if "logon" in texts else []
    commands += [plain(texts["command"], each) for each in filled if "command" in texts]
    tables = [key for key in ("table", "table2") if key in texts]
    by_address = kind_of(mine[0].server) == "nfs"  # it knows a device by that, and no password
    return Files(
        folders=folders,
        account="" if by_address else mine[0].device,
        password="" if by_address else password,
        weak=weak,
        help=_help(texts, first, tuple(commands)),
        table=tuple(plain(texts[key], each) for key in tables for each in filled),
    )


def _letters() -> Iterator[str]:
    """I:, J:, ...; a device with more folders than letters maps the first ones."""
    return (chr(FIRST_LETTER + index) for index in range(LETTERS))


def _help(
    texts: Mapping[str, Any], values: Mapping[str, str], commands: tuple[str, ...] = ()
) -> Help:
    return Help(
        steps=tuple(rich(step, values) for step in texts.get("steps", ())),
        commands=commands,
        works=rich(texts["works"], values),
        faults=tuple((rich(what, values), rich(why, values)) for what, why in texts["faults"]),
    )


def _in_archive(site: Site, device: str) -> bool:
    return site.archive is not None and _role(site, device) is not None


def _role(site: Site, device: str) -> str | None:
    """What the archive lets a device do."""
    archive = site.archive
    if archive is None or site.devices[device].ae_title is None:
        return None
    for names, role in ((archive.writers, "may_store"), (archive.readers, "may_query")):
        if any(device in site.members(who) for who in names):
            return role
    return None


def _dicom(site: Site, device: str, head: Mapping[str, str]) -> Iterator[Fact]:
    described, role = site.devices[device], _role(site, device)
    if role is None or site.archive is None or described.network is None:
        return
    yield Fact(head["own_ae"], described.ae_title or "")
    yield Fact(head["own_port"], str(described.dicom_port))
    yield Fact(head["archive_ae"], site.archive.ae_title)
    yield Fact(head["archive"], str(site.networks[described.network].address.ip))
    yield Fact(head["archive_port"], str(site.archive.port))
    yield Fact(head["may"], head[role], typed=False)


def _images(site: Site, device: str, head: Mapping[str, str]) -> Iterator[Fact]:
    """The folders of the intake, and under which titles a workstation sends to them."""
    intake = site.intake
    if intake is None:
        return
    if device in intake.devices:
        own = intake.devices[device]
        place = f"{own.share} → {device} →"
        yield Fact(head["images_in"], f"{place} incoming")
        yield Fact(head["images_done"], f"{place} done")
        yield Fact(head["images_aside"], f"{place} quarantine")
        if own.ae_title:
            yield Fact(head["images_back"].format(title=own.ae_title), f"{place} outgoing")
    titles = [f"{each.ae_title} ({name})" for name, each in intake.devices.items() if each.ae_title]
    if any(device in site.members(who) for who in intake.senders if who not in site.peers):
        yield Fact(head["images_send"].format(port=intake.port), ", ".join(titles))


def _reports(site: Site, device: str, head: Mapping[str, str], fingerprint: str) -> Iterator[Fact]:
    """Only where the firewall lets this device open it."""
    reports, network = site.reports, site.devices[device].network
    if reports and {device, network} & set(reports.readers):
        yield Fact(head["reports_at"], reports.name or values_of(site, device)["fqdn"])
        if reports.certificate is None:
            shown = fingerprint or head["reports_ask"]
            yield Fact(head["reports_root"], shown, typed=bool(fingerprint))


def _fax(site: Site, device: str, head: Mapping[str, str]) -> Iterator[Fact]:
    if site.fax and any(device in site.members(who) for who in site.fax.senders):
        yield Fact(head["fax_server"], values_of(site, device)["fqdn"])
        yield Fact(head["fax_port"], str(FAX_PORT))
        numbers = ", ".join(modem.number for modem in site.fax.modems.values())
        yield Fact(head["fax_numbers"], numbers)


def _carriers(site: Site) -> Iterator[tuple[str, str]]:
    """Who may write which folders, for images that come on floppies."""
    able: dict[str, list[str]] = {}
    for grant in grants(site):
        if grant.writes:
            able.setdefault(grant.device, []).append(grant.share)
    for device, shares in able.items():
        yield device, ", ".join(shares)
