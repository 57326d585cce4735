"""What a department is: typed, frozen, without I/O.

Every class mirrors a block of the description; the text below each field is what
``gateway schema`` shows an editor (schema.py reads it: pydantic would do so at every start).
Rules across fields are in ``checks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    StringConstraints,
    field_validator,
)

from gateway.imaging import Archive, Intake
from gateway.profiles import Profile, profiles
from gateway.reporting import Reports
from gateway.written import (
    Address4,
    Address6,
    AETitle,
    Day,
    Domain,
    Email,
    Interface4,
    Interface6,
    Mac,
    Name,
    NicName,
    Part,
    Port,
    Prose,
    ProxyUser,
    ServiceName,
    SshKey,
    Url,
    Who,
)


class Nic(Part):
    """A network card of the box, by its name, and by its MAC where the name is ours to give."""

    name: NicName
    """The name it has, or gets when `mac` is given."""
    mac: Mac | None = None
    """Its MAC address, in lower case with colons: the card with it is given the name."""
    vlan: Annotated[int, Field(ge=1, le=4094)] | None = None
    """IEEE 802.1Q tag, where several networks share the card."""

    @property
    def interface(self) -> str:
        """What the kernel calls it: ``cam0``, or ``cam0.20`` with a VLAN."""
        return f"{self.name}.{self.vlan}" if self.vlan else self.name


class Dhcp(Part):
    """Addresses that are lent to machines which have no fixed one."""

    first: Address4
    """The lowest address that is lent."""
    last: Address4
    """The highest address that is lent."""
    lease_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """How long an address is lent, in hours."""


class Network(Part):
    """One side of the box."""

    side: Literal["inside", "outside"] = "inside"
    """`outside` is the hospital's network: exactly one. All others are `inside`."""
    nic: Nic
    """The card it is on: its name, or a block of name, mac and vlan."""
    address: Interface4
    """The box's own address there, with the prefix length: 10.1.1.1/24."""
    address6: Interface6 | None = None
    """The box's own IPv6 address there. Without it, IPv6 is denied on this network."""
    router: Address4 | None = None
    """The hospital's router; outside only."""
    router6: Address6 | None = None
    """The hospital's IPv6 router; outside only."""
    dhcp: Dhcp | None = None
    """Lend addresses here; inside only. Devices with a `mac` get their own in any case."""
    zone: Prose | None = None
    """The name of its AppleTalk zone, for Macs that have no AFP over TCP; on one inside network."""
    comment: Prose = ""
    """For people."""

    @field_validator("nic", mode="before")
    @classmethod
    def _a_name_is_enough(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("address", "address6", mode="before")
    @classmethod
    def _needs_a_prefix(cls, value: object) -> object:
        if isinstance(value, str) and "/" not in value:
            raise ValueError(f"has no prefix length: write {value}/24, say")
        return value

    @property
    def network(self) -> IPv4Network:
        """All addresses of this side."""
        return self.address.network

    @property
    def inside(self) -> bool:
        """Whether it is one of ours."""
        return self.side == "inside"


class Box(Part):
    """The gateway itself."""

    name: Name = "gateway"
    """Its host name, and its NetBIOS name."""
    domain: Domain = "home.arpa"
    """The domain its devices are named in (home.arpa: RFC 8375)."""
    workgroup: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,14}$")] = "WORKGROUP"
    """The Windows workgroup that it and the PCs are in."""
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+/-]+$")] = "Etc/UTC"
    """Its time zone, as in Asia/Taipei."""


class WebProxy(Part):
    """The hospital's web proxy."""

    address: Address4
    """Its address."""
    port: Port = 3128
    """Its port."""
    user: ProxyUser | None = None
    """Who the box logs in as there, if it must; the password: `gateway secrets web-proxy SITE`."""


class Hospital(Part):
    """What the hospital's side offers."""

    dns: tuple[Address4, ...] = ()
    """Name servers, in order of preference."""
    time: tuple[Address4, ...] = ()
    """NTP servers."""
    web_proxy: WebProxy | None = None
    """The web proxy. The box fetches its updates through it."""
    mail_relay: Address4 | None = None
    """The host that takes mail."""


class Administration(Part):
    """Who may log in to the box by ssh."""

    allowed_from: Annotated[tuple[Who, ...], Field(alias="from", min_length=1)]
    """Devices, networks or hospital addresses an administrator works at."""
    ssh_keys: tuple[SshKey, ...] = ()
    """Public keys of the administrators. Passwords are never accepted over ssh."""
    mail: Email | None = None
    """Who gets the box's own mail, through `hospital.mail_relay`."""


class Updates(Part):
    """Where the box gets Debian's packages."""

    mirror: Url | None = None
    """Base address of a Debian mirror. Without it the box keeps the one it was installed with."""
    proxy: Literal["hospital", "none"] = "hospital"
    """`hospital`: through `hospital.web_proxy`, if there is one. `none`: directly."""


class Device(Part):
    """A camera, workstation or PC."""

    profile: Name
    """What it is; `gateway profiles` lists what there is and what each can speak."""
    network: Name | None = None
    """The network it is on. Leave it out for a device without one (it writes floppies)."""
    address: Address4 | None = None
    """Its fixed address."""
    address6: Address6 | None = None
    """Its fixed IPv6 address."""
    mac: Mac | None = None
    """Its MAC address: it then gets its address by DHCP, if it asks."""
    ae_title: AETitle | None = None
    """Its DICOM application entity title, up to 16 characters."""
    dicom_port: Port = 104
    """The port it takes images on, where the archive moves them to it."""
    comment: Prose = ""
    """For people: the room, the inventory number, whom to ask."""


class Share(Part):
    """A folder, and who works in it. A network stands for every device described on it."""

    writers: tuple[Name, ...] = ()
    """Devices or networks that may read, write, rename and delete."""
    readers: tuple[Name, ...] = ()
    """Devices or networks that may only read."""
    comment: Annotated[
        str,
        StringConstraints(
            max_length=48, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
        ),
    ] = ""
    """What a client shows beside the name."""


class Peer(Part):
    """A DICOM node that is not ours: the hospital's PACS, say."""

    address: Address4
    """Its address, on the hospital's side."""
    ae_title: AETitle
    """Its application entity title."""
    port: Port = 104
    """The port it listens on."""
    comment: Prose = ""
    """For people."""


class Modem(Part):
    """A fax modem of the box."""

    port: Annotated[str, StringConstraints(pattern=r"^/dev/tty[A-Za-z0-9]+$")]
    """The serial port it is on: /dev/ttyS0."""
    number: Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 .-]{1,18}$")]
    """Its telephone number."""
    type: Literal["class1", "class1.0", "class2", "class2.0", "class2.1"] | None = None
    """How it takes commands, as HylaFAX names it (ModemType). Without it the modem is asked before
    each fax, which takes seven seconds."""


class Fax(Part):
    """Faxes, sent from the devices and received for the department."""

    modems: Annotated[dict[Name, Modem], Field(min_length=1)]
    """The modems, by name."""
    senders: tuple[Name, ...] = ()
    """Devices or networks that may send."""
    received: Name | None = None
    """The share that received faxes are put in, as PDF."""
    mail: Email | None = None
    """Who else gets them, through `hospital.mail_relay`."""
    prefix: Annotated[str, StringConstraints(pattern=r"^[0-9,]{0,4}$")] = ""
    """Dialled before every number, to get an outside line."""


class Access(Part):
    """Something else that is allowed. Whatever nobody asked for is denied."""

    source: Annotated[Who, Field(alias="from")]
    """A device, a network or a hospital address. Here a network is every machine on it,
    described or not (in a share it is the described devices only)."""
    to: Who
    """A device, a network, a hospital address, or `outside` for anything beyond the box."""
    services: Annotated[tuple[ServiceName, ...], Field(min_length=1)]
    """Names (`web`, `dicom`, `ping`) or ports (`tcp/8042`, `udp/5000-5010`)."""
    reason: Prose = ""
    """Why: an auditor reads this."""
    owner: Prose = ""
    """Who answers for it: a person or an office."""
    expires: Day | None = None
    """The last day it is meant for, as in 2027-03-31. It stays open after that, but `check` says
    so and `audit` fails, until the entry is removed or a new day is agreed on."""


class Site(Part):
    """One department's description."""

    name: Name
    """What the department is called in messages and folders."""
    comment: Prose = ""
    """For people."""
    box: Box = Box()
    networks: dict[Name, Network]
    hospital: Hospital = Hospital()
    administration: Administration
    updates: Updates = Updates()
    devices: dict[Name, Device] = Field({})
    shares: dict[Name, Share] = Field({})
    peers: dict[Name, Peer] = Field({})
    archive: Archive | None = None
    intake: Intake | None = None
    reports: Reports | None = None
    fax: Fax | None = None
    access: tuple[Access, ...] = ()

    _own_profiles: dict[str, Profile] = PrivateAttr(default_factory=dict)
    _raw_profiles: dict[str, str] = PrivateAttr(default_factory=dict)
    _certificates: dict[str, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Take what stands beside the description: ``load`` gives the site's own profiles."""
        if context:
            self._own_profiles.update(context["profiles"])
            self._raw_profiles.update(context["raw"])
            self._certificates.update(context["certificates"])

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """Every profile a device may have: the built-in ones, and the site's own before them."""
        return {**profiles(), **self._own_profiles}

    @property
    def raw_profiles(self) -> dict[str, str]:
        """The raw profiles beside the description, by name: the text, which the box judges."""
        return self._raw_profiles

    @property
    def certificates(self) -> dict[str, str]:
        """The certificates beside the description, by file name: PEM, as text."""
        return self._certificates

    @cached_property
    def outside(self) -> Network:
        """The hospital's side (checks see to it that there is one)."""
        return next(network for network in self.networks.values() if not network.inside)

    @cached_property
    def outside_name(self) -> str:
        """What the description calls the hospital's side."""
        return next(name for name, network in self.networks.items() if not network.inside)

    @property
    def updates_proxy(self) -> WebProxy | None:
        """The hospital's web proxy, if the box's updates go through it."""
        return self.hospital.web_proxy if self.updates.proxy == "hospital" else None

    @cached_property
    def inside(self) -> dict[str, Network]:
        """Our own networks by name."""
        return {name: network for name, network in self.networks.items() if network.inside}

    def devices_on(self, network: str) -> dict[str, Device]:
        """The described devices of a network, by name."""
        return {name: device for name, device in self.devices.items() if device.network == network}

    def members(self, who: str) -> tuple[str, ...]:
        """The devices that a name in ``writers`` or ``readers`` stands for."""
        return (who,) if who in self.devices else tuple(self.devices_on(who))

    def users_of(self, share: str) -> Iterator[tuple[str, Literal["writers", "readers"], int]]:
        """Every device that may use a share, with where it says so: (device, list, index).

        Each device once, by the entry that gives it most: as a writer before as a reader, and
        by its own name before by its network's.
        """
        seen: set[str] = set()
        role: Literal["writers", "readers"]
        for role in ("writers", "readers"):
            entries = enumerate(getattr(self.shares[share], role))
            for index, who in sorted(entries, key=lambda entry: entry[1] not in self.devices):
                for device in self.members(who):
                    if device not in seen:
                        seen.add(device)
                        yield device, role, index
