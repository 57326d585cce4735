"""NFS 3 by hand, from a device's place: what a handle that it made up itself opens.

Standard input says the server, a share and the numbers of inodes; what GETATTR (RFC 1813) answers
to each goes to standard output. The handle is of the kernel's form (linux/nfsd/nfsfh.h): the number
of the export from the share's own, and any inode of the same file system.
"""

import json
import socket
import struct
import sys
from collections.abc import Sequence

MOUNT, NFS = (100005, 20048), (100003, 2049)
MNT, GETATTR = 1, 1
ROOT, INODE = 0, 1  # enum fid_type
OK = 0


def padded(content: bytes) -> bytes:
    """An opaque of XDR."""
    return struct.pack(">I", len(content)) + content + bytes(-len(content) % 4)


def call(address: str, program: tuple[int, int], procedure: int, arguments: bytes) -> bytes:
    """The results of one call, by version 3 of a program, as user and group 0."""
    number, port = program
    user = padded(struct.pack(">I", 0) + padded(b"device") + struct.pack(">III", 0, 0, 0))
    head = struct.pack(">IIIIII", 1, 0, 2, number, 3, procedure)
    message = head + struct.pack(">I", 1) + user + struct.pack(">II", 0, 0) + arguments
    with socket.create_connection((address, port), timeout=30) as server:
        server.sendall(struct.pack(">I", 1 << 31 | len(message)) + message)
        heard = server.makefile("rb")
        (length,) = struct.unpack(">I", heard.read(4))
        answer = heard.read(length & ~(1 << 31))
    return answer[24:]


def forged(root: bytes, inode: int) -> bytes:
    """The handle of an inode, of any generation."""
    return root[:3] + bytes([INODE]) + root[4:] + struct.pack("<II", inode, 0)


def looked_at(address: str, share: str, inodes: Sequence[int]) -> list[int]:
    """What the server says to each inode: 0, or why not."""
    said = call(address, MOUNT, MNT, padded(f"/{share}".encode()))
    status, length = struct.unpack(">II", said[:8])
    root = said[8 : 8 + length]
    if status != OK or root[3] != ROOT:
        sys.exit(f"mount: {status}, {root.hex()}")
    answers = [call(address, NFS, GETATTR, padded(forged(root, each))) for each in inodes]
    return [int(struct.unpack(">I", each[:4])[0]) for each in answers]


if __name__ == "__main__":
    told = json.load(sys.stdin)
    print(json.dumps(looked_at(told["address"], told["share"], told["inodes"])))
