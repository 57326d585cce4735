"""One folder, all protocols: what one device writes, the others read, rename and delete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.features import nfs
from gateway.features.shares import folder
from gateway.sharing import grants, server_of
from gateway.verify.context import Context
from gateway.verify.hands import UNICODE_AFP, Afp, Hand, SmbHand, hand
from gateway.verify.plugin import SMB, Note, reachable
from gateway.verify.smb import Client
from lab import Lab

WAIT = 15
ClientOf = Callable[[str], Client]
# In capitals and 8.3, as LANMAN sends and shows names; ä, ö and ü are in MacRoman and CP 850 too.
UMLAUT = ("TÜR.TXT", "MÖWE.TXT")
CHINESE = ("影像 檢查.txt", "報告 核醫科.txt")


def test_one_folder_all_protocols(
    shared: str, context: Context, lab: Lab, client: ClientOf, note: Note
) -> None:
    hands = list(_hands(context, lab, client, shared))
    spoken = ", ".join(f"{each.device} {each.speaks}" for each in hands)
    note(hands[0].device, "all", f"{shared}: names with umlauts, each by all others: {spoken}")
    _around(shared, hands, UMLAUT)


def test_one_folder_chinese_names(
    shared: str, context: Context, lab: Lab, client: ClientOf, note: Note
) -> None:
    """Those that can show them; a Mac of Mac OS X's time stands in for one of Mac OS 9's."""
    found = (_unicode(each) for each in _hands(context, lab, client, shared))
    hands = [each for each in found if each]
    spoken = ", ".join(f"{each.device} {each.speaks}" for each in hands)
    note(hands[0].device, "all", f"{shared}: Chinese names, each by all others: {spoken}")
    _around(shared, hands, CHINESE)


def _hands(context: Context, lab: Lab, client: ClientOf, share: str) -> Iterator[Hand]:
    """One writer a way to speak."""
    seen = set()
    for grant in grants(context.site):
        if grant.share == share and grant.writes and reachable(context.site, grant):
            smb = client(grant.device) if server_of(context.site, grant.device) in SMB else None
            found = hand(context, lab, grant.device, smb)
            if found.speaks not in seen:
                seen.add(found.speaks)
                yield found


def _unicode(found: Hand) -> Hand | None:
    if isinstance(found, Afp):
        return replace(found, version=UNICODE_AFP)
    # Old dialects have code page 850.
    old = isinstance(found, SmbHand) and found.speaks.startswith("LANMAN")
    return None if old else found


def _around(share: str, hands: list[Hand], names: tuple[str, str]) -> None:
    """Each writes, all read, the next changes and renames, the one after deletes."""
    first, second = names
    for name in names:  # what a run before left when it failed
        hands[0].work(share, [("delete", name)])
    for index, author in enumerate(hands):
        others = [*hands[index + 1 :], *hands[:index]]
        content = f"by {author.device}"
        _must(author, share, ("write", first, content))
        for other in others:
            done = _must(other, share, ("read", first))
            assert done == [content], (other.device, done)
        content = f"by {others[0].device}"
        _must(others[0], share, ("write", first, content))
        _must(others[0], share, ("rename", first, second))
        assert _must(author, share, ("read", second)) == [content]
        _must(others[-1], share, ("delete", second))
        assert author.work(share, [("read", second)]).error


def _must(who: Hand, share: str, *steps: tuple[str, ...]) -> list[object]:
    done = who.work(share, steps)
    assert not done.error, (who.device, who.speaks, steps, done.error)
    return done.results


def test_what_a_umask_takes_is_given_back(
    shared: str, context: Context, lab: Lab, client: ClientOf, note: Note
) -> None:
    """A UNIX system's umask of 022: the others write its file and into its folder all the same."""
    author, other = _unix_and_other(context, lab, client, shared)
    note(author.device, author.speaks, f"{other.device} changes what it made with umask 022")
    _sweep(lab, shared)
    try:
        _must(author, shared, ("write", "OLD.TXT", "a"), ("make_folder", "OLD"))
        _must(other, shared, ("write", "OLD.TXT", "b"), ("write", "OLD/NEW.TXT", "c"))
        _must(author, shared, ("protect", "OLD.TXT"))
        assert other.work(shared, [("write", "OLD.TXT", "d")]).error
    finally:
        _sweep(lab, shared)


@pytest.mark.alone
def test_control_without_its_watcher_the_umask_decides(
    shared: str, context: Context, lab: Lab, client: ClientOf, note: Note
) -> None:
    author, other = _unix_and_other(context, lab, client, shared)
    note(
        author.device, author.speaks, f"control: {other.device} may not, while {nfs.RIGHTS} is off"
    )
    _sweep(lab, shared)
    lab.exec("box", ["systemctl", "stop", nfs.RIGHTS], check=True)
    try:
        _must(author, shared, ("write", "LATE.TXT", "a"))
        assert other.work(shared, [("write", "LATE.TXT", "b")]).error
        lab.exec("box", ["systemctl", "start", nfs.RIGHTS], check=True)
        end = time.monotonic() + WAIT
        while other.work(shared, [("write", "LATE.TXT", "b")]).error:
            assert time.monotonic() < end
    finally:
        lab.exec("box", ["systemctl", "start", nfs.RIGHTS], check=True)
        _sweep(lab, shared)


def _unix_and_other(context: Context, lab: Lab, client: ClientOf, share: str) -> tuple[Hand, Hand]:
    hands = list(_hands(context, lab, client, share))
    author = next((each for each in hands if each.speaks.startswith("NFS")), None)
    if author is None:
        pytest.skip("no UNIX system writes there")
    return author, next(each for each in hands if each is not author)


def _sweep(lab: Lab, share: str) -> None:
    names = [f"{folder(share)}/{each}" for each in ("OLD.TXT", "LATE.TXT", "OLD")]
    lab.exec("box", ["rm", "-rf", *names], check=True)
