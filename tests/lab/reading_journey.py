"""The way of a study through the report site, as people go it: each at a browser of their own.

A camera sends a whole body; at an office PC it is seen, reported and signed; a doctor reads it from
the hospital's side; an addendum follows. The fax to the referring doctor starts on its way too.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from browser_kit import ROOT, Seat, seat
from whole_body import NAME, whole_body

from gateway.features import fax
from gateway.features.shares import folder
from gateway.load import load
from gateway.site import Modem
from gateway.verify.context import Context
from gateway.verify.test_archive import a_writer
from gateway.verify.test_reading import MINUTE, until
from gateway.verify.test_reports import browser, readers
from gateway.verify.web import SOON, Visitor
from lab import Lab, telephone

FAX_SECONDS = 180.0
REPORTER, DOCTOR = "lin", "chen"
IMPRESSION = "Single focus of uptake in the left sixth rib, most likely a fracture."
ADDED = "The plain film of the ribs shows a healing fracture."
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
LEVELS = """
const frame = document.querySelector(".pane .frame");
const pixels = frame.getContext("2d").getImageData(0, 0, frame.width, frame.height).data;
return new Set(pixels.filter((_, at) => at % 4 === 0)).size;
"""
"""How many levels of red are on the viewer's canvas: one on an empty one."""
READY = 'return document.querySelector(".pane")?.dataset.state === "all"'
DRAWN = "return document.querySelector('.pictures img')?.naturalHeight > 100"


@dataclass
class Journey:
    """Its people, and how far it has come."""

    lab: Lab
    context: Context
    folder: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(20))
    report: str = ""
    """The address of the signed report, once there is one."""
    pdf: bytes = b""
    """The same, as the doctor got it."""
    earlier: dict[str, bytes] = field(default_factory=dict)
    """The faxes that had come before its own were sent."""

    @classmethod
    def of(cls, lab: Lab, folder: Path) -> Journey:
        """In the lab of the article's department."""
        loaded = load(ROOT / "inventory" / "kaohsiung")
        return cls(lab, Context(loaded, {}, "", None, lab), folder)

    def run(self) -> None:
        """All of it, from the registration to the addendum."""
        with self.sits(self.office, "lin") as lin, self.sits(self.hospital, "chen") as chen:
            self.registers(lin, username=REPORTER, name="Lin Wei", name_han="林威", licence="R-41")
            self.registers(chen, username=DOCTOR, name="Chen An", name_han="陳安", licence="D-80")
            self.admits(lin, {REPORTER: "reporter", DOCTOR: "reader"})
            assert self.logs_in(lin, REPORTER)
            assert self.logs_in(chen, DOCTOR)
            study = self.sends(lin)
            self.looks(lin)
            self.writes(lin)
            self.report = self.signs(lin, IMPRESSION)
            telephone.join(self.lab, *self.line)
            self.earlier = self._received()
            self.faxes(lin, self.line[1].number)
            self.reads(chen, study, IMPRESSION)
            self.pdf = chen.fetch(f"{self.report}versions/1/pdf")
            self.fax_waits(lin)
            self.adds(lin)
            self.reads(chen, study, ADDED)
            chen.shot("read", "article.paper .pictures")

    def sits(self, who: str, name: str, trusts: bool = True) -> AbstractContextManager[Seat]:
        """Somebody at a place, with a browser that trusts the box's authority or nothing."""
        places = readers(self.lab, self.context)
        address = dict(places).get(who, places[0][1])
        root = browser(self.lab, who, address).trusted if trusts else ""
        return seat(self.lab, who, address, self.folder / name, root)

    @property
    def line(self) -> tuple[Modem, ...]:
        """The site's first two modems, which the lab joins."""
        return tuple(self.context.site.fax.modems.values())[:2] if self.context.site.fax else ()

    @property
    def hospital(self) -> str:
        """Where the doctor sits who may read from the hospital's side."""
        return readers(self.lab, self.context)[0][0]

    @property
    def office(self) -> str:
        """The reporter's PC."""
        return readers(self.lab, self.context)[1][0]

    def registers(self, me: Seat, **told: str) -> None:
        """Ask to be admitted; not let in before."""
        me.go("/register")
        twice = {"password": self.password, "again": self.password}
        me.fill(**told, **twice)
        me.do("click", "main form button")
        me.sees("h1", "Registered")
        assert not self.logs_in(me, told["username"]), "before an administrator has looked"

    def logs_in(self, me: Seat, name: str) -> bool:
        """Whether he is in; a page that refuses says so."""
        me.go("/login")
        me.fill(name=name, password=self.password)
        me.do("click", "main form button")
        me.sees("#why, form.who")
        return bool(me.do("count", "form.who"))

    def admits(self, me: Seat, roles: dict[str, str]) -> None:
        """The first administrator is made on the box; he admits the others, and leaves."""
        words = ["reports", "admin", "journey-chief"]
        self.lab.exec("box", words, stdin=f"{self.password}\n", check=True)
        assert self.logs_in(me, "journey-chief")
        for name, role in roles.items():
            me.go("/people/")
            rows = "return [...document.querySelectorAll('tbody tr')].find((each) =>"
            form = f"{rows} each.cells[0].textContent === '{name}').querySelector('form').action"
            action = str(me.do("ask", form)).removeprefix(me.origin)
            me.do("choose", f"form[action='{action}'] select", role)
            me.do("click", f"form[action='{action}'] button[value=admit]")
            me.sees("section:nth-of-type(2)", name)
        me.do("click", "form.who button")

    def sends(self, me: Seat) -> str:
        """The camera's C-STORE; the study comes into the list that is open. Its UID."""
        study, made = whole_body()
        camera = a_writer(self.lab, self.context)
        me.go("/studies/")
        row = f"tr[data-uid='{study}']"
        (self.lab.folder(camera.place) / "whole.dcm").write_bytes(made)
        done = camera.work("storescu $TO $AT /data/whole.dcm")
        assert done.returncode == 0, done.stderr

        def listed() -> bool:
            me.do("ask", LOOK)  # as when somebody comes back to the window
            return bool(me.do("count", row))

        assert until(listed, MINUTE), f"not in the list after {MINUTE:.0f} s"
        assert NAME in me.sees(row)
        me.shot("list")
        me.do("click", f"{row} a")
        return study

    def looks(self, me: Seat) -> None:
        """The viewer draws it."""
        me.do("holds", READY)
        assert me.do("ask", LEVELS) > 20, "the canvas is empty"
        me.do("choose", ".pane .palette", "inverse")
        me.shot("viewer", ".viewer")

    def writes(self, me: Seat) -> None:
        """A report of its own examination, with a key image, which saves itself."""
        me.do("choose", "#begin-template", "bone")
        me.do("click", "form.begin button")
        me.do("holds", READY)
        me.do("choose", ".pane .palette", "inverse")
        me.do("write", ".pane .note", "Anterior view")
        me.do("click", ".pane .pick")
        me.do("click", "button.normals")
        me.fill(
            technique="740 MBq of Tc-99m MDP; whole body in both views after 3 hours.",
            findings="Focal uptake in the left sixth rib, laterally.",
            impression=IMPRESSION,
        )
        me.do("click", "button.save")
        me.sees(".editor .saving", "Saved at")
        me.shot("editor", ".writing")

    def signs(self, me: Seat, text: str) -> str:
        """Read what the server has, and sign it; the address of the report."""
        me.do("click", "a.sign")
        me.sees("#what", text)
        me.fill(password=self.password)
        me.do("click", "form.sign button")
        me.sees(".versions .standing")
        return str(me.do("ask", "return location.pathname"))

    def faxes(self, me: Seat, number: str) -> None:
        """From the report's page; the fax server takes it a moment later."""
        me.go(f"{self.report}versions/1/")
        me.fill(number=number)
        me.do("click", "form[action$=fax] button")
        me.sees(".message", "waits to be sent")

    def until_said(self, me: Seat, wanted: str) -> None:
        """The report's page says so of a fax."""
        deadline = time.monotonic() + MINUTE
        while wanted not in (said := me.sees(".tools")):
            assert time.monotonic() < deadline, said
            time.sleep(0.5)
            me.go(f"{self.report}versions/1/")

    def fax_waits(self, me: Seat) -> None:
        """Control: with the fax server off another one waits, and the page says what for."""
        me.go(f"{self.report}versions/1/")
        self.until_said(me, "taken by the fax server")
        self.lab.exec("box", ["systemctl", "stop", fax.SERVER], check=True)
        try:
            self.faxes(me, self.line[0].number)
            self.until_said(me, "waits (sendfax: ")
            me.shot("fax")
        finally:
            self.lab.exec("box", ["systemctl", "start", fax.SERVER], check=True)

    def fax_that_came(self) -> bytes:
        """The first at the other end of the line, once it is there."""
        deadline = time.monotonic() + FAX_SECONDS
        while not (new := self._received().keys() - self.earlier.keys()):
            assert time.monotonic() < deadline, self.fax_states()
            time.sleep(1)
        return self._received()[min(new)]

    def fax_states(self) -> set[str]:
        """What the report's page says of both."""
        where = dict(readers(self.lab, self.context))[self.office]
        me = Visitor(browser(self.lab, self.office, where))
        assert me.log_in(REPORTER, self.password)
        page = me.look(f"{self.report}versions/1/").body
        numbers = "|".join(re.sub(r"\D", "", each.number) for each in self.line)
        said = re.findall(rf'class="sent (\w+)">[^<]* (?:{numbers}):', page)
        assert len(said) == 2, page
        return set(said)

    def _received(self) -> dict[str, bytes]:
        share = self.context.site.fax and self.context.site.fax.received
        assert share
        ask = "for each in *.pdf; do echo $each; base64 -w0 $each; echo; done"
        words = ["env", "-C", folder(share), "sh", "-c", ask]
        lines = self.lab.exec("box", words, check=True).stdout.splitlines()
        pairs = zip(lines[::2], lines[1::2], strict=True)
        return {name: base64.b64decode(content) for name, content in pairs}

    def reads(self, me: Seat, study: str, text: str) -> None:
        """The doctor finds the study in his own list, and reads, but may not write."""
        me.go("/studies/")
        me.do("click", f"tr[data-uid='{study}'] a")
        me.sees(".writing", text)
        assert me.do("count", "form.begin, form.editor, a.sign") == 0
        me.do("click", ".writing .out a")
        me.sees("article.paper", text)
        me.do("holds", DRAWN)

    def adds(self, me: Seat) -> None:
        """What is found later is an addendum; the report stays as it was signed."""
        me.go(self.report)
        me.do("click", "form[action$='/proceed'] button")
        me.do("write", "form.editor textarea", ADDED)
        me.do("click", "button.save")
        me.sees(".editor .saving", "Saved at")
        self.signs(me, ADDED)

    def refused(self) -> None:
        """Control: who does not trust the authority is warned; who is not named gets nothing."""
        with self.sits(self.hospital, "wary", trusts=False) as me:
            me.reaches("/login")
            me.sees("body", "ERR_CERT_AUTHORITY_INVALID")
            assert me.do("count", "[name=password]") == 0
        with self.sits("outsider", "outsider") as me:
            assert me.reaches("/login", SOON) == "silent"
