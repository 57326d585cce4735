"""A file that forgets, at a power cut, what was never flushed: the kernel's FUSE protocol, by hand.

Run by ``losing_disk.py`` in a mount namespace of its own: ``losing_file.py FILE MEGABYTES``. The
file system is that one file, kept in memory. With a loop device on it, what the block layer writes
comes here as WRITE and what it flushes as FSYNC (REQ_OP_FLUSH, loop.c). Orders come as lines on
standard input, each answered by one line:

- ``cut``: from now on nothing is done or answered any more, as by a disk without power;
- ``fail``: what waits, and what is still asked, ends as an error, so that its askers can die;
- ``restore KEEP SEED``: the file as a power cut left it. KEEP ``none``: every block as it was
  flushed last; ``some``: each block in any state it has had since, chosen by SEED: a disk may
  write its cache back in any order;
- ``count``: writes, flushes, and blocks that are not flushed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import random
import select
import struct
import sys
from errno import EIO, ENOSYS

BLOCK = 4096
MOST = 128 * 1024  # of data in one request
REQUEST = MOST + BLOCK
HEAD = struct.Struct("<IIQQIIIHH")  # fuse_in_header of linux/fuse.h
REPLY = struct.Struct("<IiQ")  # fuse_out_header
MOVE = struct.Struct("<QQIIQII")  # fuse_read_in, and fuse_write_in before its data
GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 3, 4, 14, 15, 16, 17, 18, 20
FLUSH, INIT, ACCESS, DESTROY = 25, 26, 34, 38
UNANSWERED = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
DIRECT_IO = 1  # FOPEN_DIRECT_IO: no cache of the kernel's between the loop device and us
BIG_WRITES = 1 << 5
NOSUID_NODEV = 6


class Blocks:
    """The bytes, and of each block that was written since the last flush what it was before."""

    def __init__(self, size: int) -> None:
        self.bytes = mmap.mmap(-1, size)  # memory for what was written only
        self.before: dict[int, list[bytes]] = {}
        self.writes = self.flushes = 0

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.bytes[offset : offset + size])

    def write(self, offset: int, data: bytes | memoryview) -> None:
        self.writes += 1
        for number in range(offset // BLOCK, (offset + len(data) - 1) // BLOCK + 1):
            self.before.setdefault(number, []).append(self.read(number * BLOCK, BLOCK))
        self.bytes[offset : offset + len(data)] = data

    def flush(self) -> None:
        self.flushes += 1
        self.before.clear()

    def restore(self, keep: str, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - to be repeatable
        for number, states in self.before.items():
            start = number * BLOCK
            states.append(self.read(start, BLOCK))
            chosen = states[0] if keep == "none" else chance.choice(states)
            self.bytes[start : start + BLOCK] = chosen
        self.before.clear()


class File:
    """Answers the kernel, as long as there is power."""

    def __init__(self, device: int, size: int) -> None:
        self.device = device
        self.blocks = Blocks(size)
        self.state = "on"
        self.waiting: list[int] = []
        self.buffer = bytearray(REQUEST)

    def one(self) -> None:
        """Take one request; a request that goes through the disk needs power."""
        length = os.readv(self.device, [self.buffer])
        _, verb, unique, *_ = HEAD.unpack_from(self.buffer)
        body = memoryview(self.buffer)[HEAD.size : length]
        if verb in UNANSWERED:
            return
        if verb not in (READ, WRITE, FSYNC) or self.state == "on":
            self.answer(unique, self.work(verb, body))
        elif self.state == "cut":
            self.waiting.append(unique)
        else:
            self.answer(unique, EIO)

    def work(self, verb: int, body: memoryview) -> bytes | int:
        """A reply, or an error's number."""
        if verb in (READ, WRITE):
            _, offset, size, *_ = MOVE.unpack_from(body)
            if verb == READ:
                return self.blocks.read(offset, size)
            self.blocks.write(offset, body[MOVE.size : MOVE.size + size])
            return struct.pack("<II", size, 0)
        if verb == FSYNC:
            self.blocks.flush()
            return b""
        return self.rest(verb)

    def rest(self, verb: int) -> bytes | int:
        """What a file system must say besides."""
        if verb == INIT:
            flags = BIG_WRITES
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, MOST, flags, 16, 12, MOST, 1, 0, 0, 0)
        if verb in (GETATTR, SETATTR):
            size = len(self.blocks.bytes)
            times = (0,) * 6
            about = struct.pack(
                "<6Q10I", 1, size, size // 512, *times[:3], *times[3:], 0o100600, 1, *times[:5]
            )
            return struct.pack("<QII", 3600, 0, 0) + about
        if verb == OPEN:
            return struct.pack("<QII", 1, DIRECT_IO, 0)
        if verb == STATFS:
            return struct.pack("<5QIIII24x", 0, 0, 0, 0, 0, BLOCK, 255, BLOCK, 0)
        return b"" if verb in (RELEASE, FLUSH, ACCESS, DESTROY) else ENOSYS

    def answer(self, unique: int, said: bytes | int) -> None:
        error, data = (-said, b"") if isinstance(said, int) else (0, said)
        os.writev(self.device, [REPLY.pack(REPLY.size + len(data), error, unique), data])

    def serve(self) -> None:
        """Until standard input ends."""
        both = select.poll()
        both.register(self.device, select.POLLIN)
        both.register(0, select.POLLIN | select.POLLHUP)
        print("ready", flush=True)
        while True:
            for ready, _ in both.poll():
                if ready == self.device:
                    self.one()
                    continue
                line = sys.stdin.buffer.raw.readline()  # type: ignore[attr-defined]
                if not line:
                    return
                print(self.order(line.decode().split()), flush=True)

    def order(self, words: list[str]) -> str:
        """One line of standard input."""
        blocks = self.blocks
        match words:
            case ["cut"]:
                self.state = "cut"
            case ["fail"]:
                self.state = "failed"
                while self.waiting:
                    self.answer(self.waiting.pop(), EIO)
            case ["restore", keep, seed]:
                blocks.restore(keep, int(seed))
                self.state = "on"
            case ["count"]:
                pass
            case _:
                return "what?"
        return f"{blocks.writes} {blocks.flushes} {len(blocks.before)}"


def mount(where: str) -> int:
    """The kernel's side: the mount of a file system whose root is a file (mount(2), fuse(4))."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=100600,user_id=0,group_id=0"
    kind, target = b"fuse", where.encode()
    if libc.mount(b"losing", target, kind, NOSUID_NODEV, options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {where}: {os.strerror(number)}")
    return device


def main() -> None:
    """What the command line says."""
    where, megabytes = sys.argv[1:]
    File(mount(where), int(megabytes) << 20).serve()


if __name__ == "__main__":
    main()
