"""The block of a description that says who reads reports, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.written import Address4, Domain, Part, Port, Who

Tongue = Literal["zh-hant", "en"]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*\.(pem|crt)$")]
# RFC 4514, without what has to be escaped.
Dn = Annotated[str, StringConstraints(pattern=r'^[^\x00-\x1f"+,;<=>\\]+=[^\x00-\x1f"+;<>\\]+$')]
Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]


class Ldap(Part):
    """The hospital's directory: who is known there logs in with the password of the hospital."""

    address: Address4
    """Its address, on the hospital's side."""
    name: Domain | None = None
    """Its name, where its certificate says that and not the address; `hospital.dns` knows it."""
    port: Port = 636
    """Its port for LDAP over TLS; it is never asked without."""
    users: Dn
    """Where its people are: `ou=staff,dc=hospital,dc=example`."""
    attribute: Attribute = "uid"
    """What stands before that in a person's name: `uid`, or `cn`."""
    certificate: FileName
    """Who signed its certificate: a PEM file beside the description."""


class Reports(Part):
    """The report site: signed reports with their images, for registered doctors, over HTTPS."""

    readers: Annotated[tuple[Who, ...], Field(min_length=1)]
    """From where it may be opened: devices, networks, hospital addresses, or `outside` for anything
    beyond the box. A network is every machine on it. Whoever opens it has to log in."""
    name: Domain | None = None
    """Its name in the hospital's name servers, if they give it one."""
    certificate: FileName | None = None
    """The hospital's own for it: a PEM file beside the description, its certificate first and then
    the authorities'; the key: `gateway secrets certificate SITE`. Without it the box makes an
    authority and a certificate of its own."""
    languages: Annotated[tuple[Tongue, ...], Field(min_length=1, max_length=2)] = ("zh-hant", "en")
    """Its languages, the first for whoever has not chosen one."""
    ldap: Ldap | None = None
    """The hospital's directory, whose people log in with the password that they have there."""
