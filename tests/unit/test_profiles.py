"""The profiles: data that others rely on by name."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from gateway.profiles import Charset, Dialect, Profile, profiles


def test_the_profiles_that_are_promised() -> None:
    assert set(profiles()) >= {
        *("siemens-icon", "elscint-varicam", "ge-starcam", "unix-camera", "dicom-only"),
        *("windows-95", "windows-98", "windows-nt4", "windows-xp", "windows-10", "windows-11"),
        *("mac-os-7", "mac-os-9", "mac-os-x", "macos", "linux", "dos", "sunos-4", "sgi-irix"),
    }


@pytest.mark.parametrize("name", profiles())
def test_every_profile_says_where_its_claims_come_from(name: str) -> None:
    profile = profiles()[name]
    assert profile.sources
    assert all(len(source) > 20 for source in profile.sources)
    assert profile.title
    assert profile.system


def test_who_speaks_what() -> None:
    known = profiles()
    old = {name for name, each in known.items() if each.smb and "SMB3" not in each.smb.dialects}
    windows = {"windows-95", "windows-98", "windows-nt4", "windows-xp"}
    assert old == {"dos", "elscint-varicam", *windows}
    assert {name for name, each in known.items() if not each.protocols} == {
        "ge-starcam",
        "dicom-only",
    }
    assert known["linux"].speaks == "SMB (SMB3, SMB2), NFS (4, 3)"
    assert known["ge-starcam"].speaks == "no shared folders"


def test_a_wrong_profile_is_refused() -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate({"title": "x", "system": "y", "protocols": [{"speaks": "ipx"}]})


def test_images_are_described_in_the_words_of_intake() -> None:
    """The room `intake` runs on the box and is imported by nothing here, so a test holds them."""
    from intake.interfile.dialects import BY_NAME
    from intake.options import CHARSETS

    assert set(get_args(Dialect)) == set(BY_NAME)
    assert set(get_args(Charset)) == set(CHARSETS)
    assert profiles()["siemens-icon"].images.charset == "macroman"
    assert profiles()["unix-camera"].images.dialect == "standard"
