"""An AFP client that runs on a simulated device: standard library and openssl(1) only.

There is none to install: the kernel's are gone and Debian has none. Written after Apple's AFP
Reference; DHCAST128 and the random number exchange after its chapter on authentication.
Standard input says in JSON who it is and what to do; the results go to standard output.
"""

import json
import secrets
import socket
import struct
import subprocess
import sys
import time
import unicodedata

COMMAND, OPEN_SESSION, WRITE = 2, 4, 6
AUTH_CONTINUE, END_OF_FILE = -5001, -5009
ROOT = 2
DATA_FORK, RESOURCE_FORK = 0, 0x80
READ, READ_WRITE = 1, 3
FINDER_INFO = 0x20
DHX_PRIME = 0xBA2873DFB06057D43F2024744CEEE75B


class AfpError(Exception):
    """The server's answer to one command, as a number of the AFP Reference."""


def openssl(cipher: str, key: bytes, data: bytes, iv: bytes = b"", decrypt: bool = False) -> bytes:
    """One pass of an old cipher that Python has no module for."""
    words = ["openssl", "enc", f"-{cipher}", "-nopad", "-K", key.hex(), "-provider", "legacy"]
    words += ["-provider", "default", *(["-iv", iv.hex()] if iv else [])]
    words += ["-d"] if decrypt else []
    return subprocess.run(words, input=data, capture_output=True, check=True).stdout


def counted(text: bytes) -> bytes:
    """A Pascal string."""
    return bytes([len(text)]) + text


class Session:
    """A connection to the server's AFP port (DSI, the Data Stream Interface)."""

    quantum = 1 << 16
    """Bytes a read or write of a fork asks for: a transport may carry fewer."""

    def __init__(self, address: str, version: str, port: int = 548) -> None:
        self.wire = socket.create_connection((address, port), 5)
        self.wire.settimeout(20)
        self.version = version
        self.number = 0
        self.volume = 0
        self.ask(OPEN_SESSION, b"")

    def ask(
        self, command: int, body: bytes, data: bytes = b"", fine: tuple[int, ...] = ()
    ) -> bytes:
        """Send one request and return its reply, whatever the server asks in between."""
        self.number += 1
        head = struct.pack(
            ">BBHIII", 0, command, self.number, len(body) if data else 0, len(body + data), 0
        )
        self.wire.sendall(head + body + data)
        while True:
            flags, _, number, code, length, _ = struct.unpack(">BBHiII", self.take(16))
            answer = self.take(length)
            if flags == 1 and number == self.number:
                break
        if code and code not in fine:
            raise AfpError(code)
        return answer

    def take(self, length: int) -> bytes:
        """So many bytes from the wire."""
        found = b""
        while len(found) < length:
            more = self.wire.recv(length - len(found))
            if not more:
                raise ConnectionResetError("the server hung up")
            found += more
        return found

    def login(self, method: str, account: str, password: str) -> None:
        """Prove who we are, never showing the password as it is."""
        name = counted(account.encode())
        begin = bytes([18]) + counted(self.version.encode()) + counted(method.encode()) + name
        if method == "No User Authent":
            self.ask(COMMAND, begin[: -len(name)])
        elif method == "Cleartxt Passwrd":
            begin += bytes(len(begin) % 2)
            self.ask(COMMAND, begin + password.encode().ljust(8, bytes(1))[:8])
        elif method == "DHCAST128":
            self._dhx(begin, password.encode())
        else:
            self._two_way_random(begin, password.encode())

    def _dhx(self, begin: bytes, password: bytes) -> None:
        mine = secrets.randbits(120)
        begin += b"\0" * (len(begin) % 2)
        begin += pow(7, mine, DHX_PRIME).to_bytes(16)
        answer = self.ask(COMMAND, begin, fine=(AUTH_CONTINUE,))
        key = pow(int.from_bytes(answer[2:18]), mine, DHX_PRIME).to_bytes(16)
        nonce = openssl("cast5-cbc", key, answer[18:50], b"CJalbert", decrypt=True)[:16]
        proof = ((int.from_bytes(nonce) + 1) % (1 << 128)).to_bytes(16)
        sealed = openssl("cast5-cbc", key, proof + password.ljust(64, b"\0"), b"LWallace")
        self.ask(COMMAND, b"\x13\0" + answer[:2] + sealed)

    def _two_way_random(self, begin: bytes, password: bytes) -> None:
        answer = self.ask(COMMAND, begin, fine=(AUTH_CONTINUE,))
        shifted = int.from_bytes(password.ljust(8, b"\0")[:8]) << 1
        key = (shifted % (1 << 64)).to_bytes(8)
        mine = secrets.token_bytes(8)
        sealed = openssl("des-ecb", key, answer[2:10])
        theirs = self.ask(COMMAND, b"\x13\0" + answer[:2] + sealed + mine)
        if theirs[:8] != openssl("des-ecb", key, mine):
            raise ConnectionError("the server does not know the password itself")

    def path(self, name: str) -> bytes:
        """A name in the root folder: decomposed UTF-8 since AFP 3, MacRoman before."""
        if self.version.startswith("AFP3"):
            text = unicodedata.normalize("NFD", name).encode()
            return struct.pack(">BIH", 3, 0x08000103, len(text)) + text
        return b"\x02" + counted(name.encode("mac_roman"))

    def where(self, verb: int, name: str, flag: int = 0) -> bytes:
        """A command that begins with a place on the volume."""
        return struct.pack(">BBHI", verb, flag, self.volume, ROOT) + self.path(name)

    def open_volume(self, name: str) -> None:
        """Open a share."""
        self.volume = struct.unpack(
            ">H", self.ask(COMMAND, struct.pack(">BBH", 24, 0, 0x20) + counted(name.encode()))[2:4]
        )[0]

    def fork(self, name: str, kind: int, mode: int) -> int:
        """Open a file."""
        head = struct.pack(">BBHIHH", 26, kind, self.volume, ROOT, 0, mode)
        return int.from_bytes(self.ask(COMMAND, head + self.path(name))[2:4])

    def close(self, fork: int) -> None:
        """Close a file."""
        self.ask(COMMAND, struct.pack(">BBH", 4, 0, fork))

    def write(self, name: str, content: str, kind: int = DATA_FORK) -> None:
        """Put a file, or its resource fork; what was there is replaced."""
        if kind == DATA_FORK:
            self.ask(COMMAND, self.where(7, name, 0x80))
        fork = self.fork(name, kind, READ_WRITE)
        data = content.encode()
        for start in range(0, len(data), self.quantum):
            part = data[start : start + self.quantum]
            head = struct.pack(">BBHII", 33, 0, fork, start, len(part))
            self.ask(WRITE, head, part)
        self.close(fork)

    def read(self, name: str, kind: int = DATA_FORK) -> str:
        """Get a file, or its resource fork."""
        fork = self.fork(name, kind, READ)
        found = bytearray()
        while True:
            head = struct.pack(">BBHIIBB", 27, 0, fork, len(found), self.quantum, 0, 0)
            part = self.ask(COMMAND, head, fine=(END_OF_FILE,))
            found += part
            if len(part) < self.quantum:
                break
        self.close(fork)
        return found.decode()

    def rename(self, name: str, fresh: str) -> None:
        """Give a file another name."""
        self.ask(COMMAND, self.where(28, name) + self.path(fresh))

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.ask(COMMAND, self.where(8, name))

    def set_kind(self, name: str, kind: str) -> None:
        """Set the eight letters of type and creator in the Finder's information."""
        head = struct.pack(">BBHIH", 30, 0, self.volume, ROOT, FINDER_INFO) + self.path(name)
        head += b"\0" * (len(head) % 2)
        self.ask(COMMAND, head + kind.encode().ljust(32, b"\0"))

    def kind(self, name: str) -> str:
        """Type and creator."""
        head = struct.pack(">BBHIHH", 34, 0, self.volume, ROOT, FINDER_INFO, 0) + self.path(name)
        return self.ask(COMMAND, head)[6:14].decode()

    def lock_while(self, name: str, seconds: str) -> None:
        """Hold a lock on the first 16 bytes for a while."""
        fork = self.fork(name, DATA_FORK, READ_WRITE)
        self.ask(COMMAND, struct.pack(">BBHII", 1, 0, fork, 0, 16))
        time.sleep(float(seconds))
        self.close(fork)

    def write_resource(self, name: str, content: str) -> None:
        """Put a file's resource fork."""
        self.write(name, content, RESOURCE_FORK)

    def read_resource(self, name: str) -> str:
        """Get a file's resource fork."""
        return self.read(name, RESOURCE_FORK)


def main() -> None:
    """Do the steps that standard input names; stop at the first that fails."""
    told = json.load(sys.stdin)
    results: list[object] = []
    error: object = None
    try:
        session = Session(told["address"], told["version"])
        session.login(told["method"], told["account"], told["password"])
        session.open_volume(told["volume"])
        for verb, *arguments in told["steps"]:
            results.append(getattr(session, verb)(*arguments))
        session.ask(COMMAND, bytes([20, 0]))  # log out
        session.wire.close()
    except AfpError as refused:
        error = refused.args[0]
    except OSError as broken:
        error = str(broken)
    print(json.dumps({"results": results, "error": error}))


if __name__ == "__main__":
    main()
