"""The commands on the technicians' sheets, typed at the devices as they are printed."""

from __future__ import annotations

import shlex

import pytest

from gateway.cards.card import Files, card
from gateway.features.nfs import version
from gateway.verify.context import Context
from gateway.verify.plugin import Note
from lab import Lab

# The sheet has two lines put into root's .gateway. The lab's machines have no home: they get one.
_TYPED = "umask 077; HOME=$(mktemp -d); trap 'rm -r $HOME' EXIT; cat >$HOME/.gateway; "


def _files(context: Context, device: str) -> Files:
    files = card(context.site, device, "en").files
    if files is None or not any(line.startswith("smbclient ") for line in files.help.commands):
        pytest.skip("its sheet prints nothing that a Linux shell knows")
    return files


def test_commands_of_the_sheet(smb_device: str, lab: Lab, note: Note, context: Context) -> None:
    files = _files(context, smb_device)
    note(smb_device, "sheet", "its commands, typed as printed; a wrong password is refused")
    for command in files.help.commands:
        assert shlex.split(command)[0] == "smbclient"
        for password, works in ((context.passwords[smb_device], True), ("wr0ng", False)):
            credentials = f"username={files.account}\npassword={password}\n"
            done = lab.exec(smb_device, ["sh", "-c", _TYPED + command], stdin=credentials)
            assert (done.returncode == 0) is works, command + done.stdout + done.stderr


def test_targets_of_the_sheet_by_nfs(
    inside_device: str, lab: Lab, note: Note, context: Context
) -> None:
    """No kernel here mounts NFS: libnfs lists what the sheet has mounted."""
    files = card(context.site, inside_device, "en").files
    if files is None or files.account:
        pytest.skip("its sheet mounts nothing by NFS")
    note(inside_device, "sheet", "the folders it mounts are there; another is not")
    for folder in files.folders:
        address, _, path = folder.target.partition(":")
        for target, works in ((path, True), (f"{path}-not", False)):
            url = f"nfs://{address}{target}?version={version(context.site, inside_device)}"
            done = lab.exec(inside_device, ["nfs-ls", url])
            assert (done.returncode == 0) is works, target + done.stdout + done.stderr
