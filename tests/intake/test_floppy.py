"""Floppies: imaging with errors, FAT disks by mtools, flux by greaseweazle, hostile disks."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from intake import sandbox
from intake.floppy import disk, fat, flux, image, tables
from intake.floppy.image import PIECE, SECTOR, Bad
from intake.refused import Refused
from tests.intake import kit

SIZE = 1474560
CONTENT = bytes(range(256)) * (SIZE // 256)


class Drive:
    """A drive whose sectors err as told: 0 for ever, else so many times."""

    def __init__(self, scratches: dict[int, int], number: int = errno.EIO) -> None:
        self.left = {sector: times or -1 for sector, times in scratches.items()}
        self.number = number
        self.asked: list[int] = []

    def read(self, at: int, length: int) -> bytes:
        self.asked.append(length)
        bad = [s for s in range(at // SECTOR, (at + length) // SECTOR) if self.left.get(s)]
        for sector in bad:
            self.left[sector] -= 1
        if bad:
            raise OSError(self.number, os.strerror(self.number))
        return CONTENT[at : at + length]


def test_a_good_disk_is_read_in_large_pieces() -> None:
    drive = Drive({})
    taken = image.take(drive.read, SIZE)
    assert taken.data == CONTENT
    assert set(drive.asked) == {PIECE}


@pytest.mark.parametrize(("retries", "bad"), [(0, 2), (1, 2), (5, 1)])
def test_retries(retries: int, bad: int) -> None:
    # One error goes to the first, large read.
    taken = image.take(Drive({40: 0, 90: 4}).read, SIZE, retries)
    assert taken.sectors == bad
    assert taken.data[40 * SECTOR : 41 * SECTOR] == bytes(SECTOR)
    assert len(taken.data) == SIZE


def test_it_says_how_far_it_is() -> None:
    told: list[tuple[int, int, int]] = []
    image.take(Drive({3: 0}).read, SIZE, 0, lambda *each: told.append(each))
    assert told[-1] == (SIZE, SIZE, 1)
    assert len(told) == SIZE // PIECE


def test_a_disk_taken_out_ends_it() -> None:
    with pytest.raises(Refused, match="the disk is gone"):
        image.take(Drive({3: 0}, errno.ENXIO).read, SIZE)


def test_short_reads_are_bad_sectors() -> None:
    taken = image.take(lambda at, length: CONTENT[at : at + min(length, 100)], 2 * SECTOR, 0)
    assert taken.bad == (Bad(0, 2),)


def test_the_map(tmp_path: Path) -> None:
    taken = image.take(Drive({3: 0, 4: 0, 9: 0}).read, SIZE, 0)
    path = tmp_path / "disk.img"
    image.save(taken, path, "/dev/fd0")
    assert image.bad_of(path) == (Bad(3, 2), Bad(9, 1))
    with pytest.raises(Refused, match="exists already"):
        image.save(taken, path, "/dev/fd0")
    path.with_name("disk.img.map.json").write_text('{"bad": 7}')
    with pytest.raises(Refused, match="no map of a disk"):
        image.bad_of(path)


@pytest.mark.parametrize("path", ["/dev/null", "/etc/hostname", "/nowhere"])
def test_what_is_no_drive(path: str) -> None:
    with pytest.raises(Refused), image.device(Path(path)):
        pass


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """mtools and gw of the Debian 13 tree."""
    monkeypatch.setattr(sandbox, "TOOLS", kit.tree())


FILES = {"A.IMG": os.urandom(30_000), "PAT/long name.hdr": b"!INTERFILE :=\r\n" * 600}


@pytest.fixture
def dos(tmp_path: Path, tools: None) -> Path:
    """A DOS disk with two files."""
    folder = tmp_path / "make"
    (folder / "PAT").mkdir(parents=True)
    (folder / "d.img").write_bytes(bytes(SIZE))
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    for words in (
        ["mformat", "-i", "d.img", "-f", "1440", "::"],
        ["mcopy", "-s", "-i", "d.img", "A.IMG", "PAT", "::/"],
    ):
        done = sandbox.run(words, folder)
        assert done.code == 0, done
    return folder / "d.img"


def test_files_of_a_dos_disk(dos: Path, tmp_path: Path) -> None:
    found = disk.read(dos, tmp_path / "out", disk.Wanted())
    root = tmp_path / "out" / "d.files" / "files"
    there = {each.path.relative_to(root).as_posix(): each.path.read_bytes() for each in found.files}
    assert there == FILES
    assert found.damaged == ()
    assert not (tmp_path / "out" / "d.files" / fat.IMAGE).exists()


def test_a_file_on_a_bad_sector_is_set_apart(dos: Path, tmp_path: Path) -> None:
    data = dos.read_bytes()
    at = data.index(FILES["A.IMG"][:512]) // SECTOR
    (tmp_path / "d.img").write_bytes(data)
    taken = image.Image(data, (Bad(at + 5, 1),))
    (tmp_path / "d.img").unlink()
    image.save(taken, tmp_path / "d.img", "fd0")
    found = disk.read(tmp_path / "d.img", tmp_path / "out", disk.Wanted())
    (damaged,) = found.damaged
    assert damaged.path == tmp_path / "out" / "d.files" / "damaged" / "A.IMG"
    assert "cannot be read" in damaged.path.with_name("A.IMG.txt").read_text()
    assert (tmp_path / "out" / "d.files" / "files" / "PAT" / "long name.hdr").is_file()


def test_a_bad_sector_beside_the_files_harms_none(dos: Path, tmp_path: Path) -> None:
    image.save(image.Image(dos.read_bytes(), (Bad(2800, 9),)), tmp_path / "d.img", "fd0")
    assert disk.read(tmp_path / "d.img", tmp_path / "out", disk.Wanted()).damaged == ()


def test_bad_tables_are_no_files(dos: Path, tmp_path: Path) -> None:
    image.save(image.Image(dos.read_bytes(), (Bad(5, 1),)), tmp_path / "d.img", "fd0")
    found = disk.read(tmp_path / "d.img", tmp_path / "out", disk.Wanted())
    assert found.files == ()
    assert "tables" in found.why_not


def test_an_empty_dos_disk(tmp_path: Path, tools: None) -> None:
    (tmp_path / "e.img").write_bytes(bytes(SIZE))
    sandbox.run(["mformat", "-i", "e.img", "-f", "1440", "::"], tmp_path)
    found = disk.read(tmp_path / "e.img", tmp_path / "out", disk.Wanted())
    assert (found.files, found.why_not) == ((), "")


def test_a_folder_that_contains_itself(dos: Path, tmp_path: Path) -> None:
    data = bytearray(dos.read_bytes())
    boot = tables.recognise(bytes(data), SIZE)
    assert boot
    root = boot.root * SECTOR
    entry = next(at for at in range(root, root + 7168, 32) if data[at : at + 11] == b"PAT        ")
    cluster = struct.unpack_from("<H", data, entry + 26)[0]
    start = (boot.data + (cluster - 2) * boot.cluster) * SECTOR
    for number in range(4):  # PAT/D0 … PAT/D3, each of them PAT again
        loop = bytearray(data[entry : entry + 32])
        loop[:11] = b"D%d         " % number
        data[start + 64 + number * 32 : start + 96 + number * 32] = loop
    path = tmp_path / "loop.img"
    path.write_bytes(data)
    found = disk.read(path, tmp_path / "out", disk.Wanted())
    assert found.files == ()
    assert "contains itself" in found.why_not
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("at", range(11, 36))
def test_damage_to_the_boot_sector(dos: Path, tmp_path: Path, at: int) -> None:
    data = bytearray(dos.read_bytes())
    data[at] ^= 0xFF
    path = tmp_path / "x.img"
    path.write_bytes(data)
    found = disk.read(path, tmp_path / "out", disk.Wanted())
    assert found.files or found.why_not


def test_other_disks_are_no_dos_disks(tmp_path: Path) -> None:
    path = tmp_path / "unix.img"
    path.write_bytes(CONTENT)
    found = disk.read(path, tmp_path / "out", disk.Wanted())
    assert "raw profile" in found.why_not
    assert tables.recognise(bytes(SECTOR), SIZE) is None
    assert tables.recognise(b"short", SIZE) is None


def test_a_folder_on_a_bad_sector(dos: Path, tmp_path: Path) -> None:
    data = dos.read_bytes()
    at = data.index(b"LONGNA~1") // SECTOR
    image.save(image.Image(data, (Bad(at, 1),)), tmp_path / "d.img", "fd0")
    assert "a folder" in disk.read(tmp_path / "d.img", tmp_path / "out", disk.Wanted()).why_not


def test_a_chain_that_is_a_circle(dos: Path) -> None:
    data = bytearray(dos.read_bytes())
    layout = tables.recognise(bytes(data), SIZE)
    assert layout
    whole = tables.Tables(bytes(data), layout)
    assert len(whole.chain(2)) == 59
    struct.pack_into("<H", data, layout.fat * SECTOR + 10 * 3 // 2, 4 | 4 << 12)  # 10 -> 4
    with pytest.raises(Refused, match="a circle"):
        tables.Tables(bytes(data), layout).chain(2)


@pytest.fixture
def small(tmp_path: Path, tools: None) -> Path:
    """A DOS disk of 360 kB and its flux, which gw decodes in seconds (1.44 MB: half a minute)."""
    folder = tmp_path / "make"
    folder.mkdir()
    (folder / "FULL.IMG").write_bytes(os.urandom(300_000))
    (folder / "d.img").write_bytes(bytes(40 * 2 * 9 * SECTOR))
    sandbox.run(["mformat", "-i", "d.img", "-f", "360", "::"], folder)
    sandbox.run(["mcopy", "-i", "d.img", "FULL.IMG", "::/"], folder)
    done = sandbox.run(["gw", "convert", "--format", "ibm.360", "d.img", "d.scp"], folder)
    assert done.code == 0, done
    return folder / "d.img"


def test_flux(small: Path, tmp_path: Path) -> None:
    found = disk.read(small.with_suffix(".scp"), tmp_path / "out", disk.Wanted(form="ibm.360"))
    assert found.image.read_bytes() == small.read_bytes()
    assert [each.path.name for each in found.files] == ["FULL.IMG"]
    with pytest.raises(Refused, match="which format has the disk"):
        disk.read(small.with_suffix(".scp"), tmp_path / "two", disk.Wanted())
    with pytest.raises(Refused, match="not known"):
        flux.decode(small.with_suffix(".scp"), "ibm.fantasy")
    with pytest.raises(Refused, match=r"it is no mac|not trusted"):
        flux.decode(small.with_suffix(".scp"), "mac.400")


def test_flux_with_a_scratch(small: Path, tmp_path: Path) -> None:
    data = bytearray(small.with_suffix(".scp").read_bytes())
    tracks = struct.unpack_from("<168I", data, 0x10)
    track = tracks[2 * 20] or tracks[4 * 20]  # cylinder 20, head 0; a 40 track drive steps twice
    for turn in range(data[5]):
        _, count, offset = struct.unpack_from("<III", data, track + 4 + 12 * turn)
        start = track + offset + count // 2 * 2
        for at in range(start, start + 20_000, 2):
            data[at : at + 2] = b"\0\x66" if at // 2 % 3 else b"\x01\x22"
    (tmp_path / "bad.scp").write_bytes(data)
    found = disk.read(tmp_path / "bad.scp", tmp_path / "out", disk.Wanted(form="ibm.360"))
    bad = {s for each in found.bad for s in range(each.first, each.first + each.count)}
    assert bad
    assert max(bad) - min(bad) < 9, "more than the scratched track"
    whole, taken = small.read_bytes(), found.image.read_bytes()
    for sector in range(len(whole) // SECTOR):
        at = slice(sector * SECTOR, (sector + 1) * SECTOR)
        assert taken[at] == (bytes(SECTOR) if sector in bad else whole[at])
    assert [each.path.name for each in found.damaged] == ["FULL.IMG"]


def test_flux_that_is_none(tmp_path: Path, tools: None) -> None:
    (tmp_path / "x.scp").write_bytes(b"SCP" + os.urandom(5000))
    with pytest.raises(Refused, match="gw cannot decode"):
        flux.decode(tmp_path / "x.scp", "ibm.1440")
