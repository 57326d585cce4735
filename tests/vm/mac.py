"""A Macintosh without TCP, on a simulated device: AFP over ASP, and what it sees of the zone.

After Inside AppleTalk, 2nd edition, 11. AFP itself is ``gateway/verify/afp_client.py``, which lies
beside this file and ``appletalk.py`` where it runs. Standard input says in JSON what to ask; the
answers go to standard output.
"""

import json
import struct
import sys

from afp_client import AfpError, Session
from appletalk import PART, SOCKET, Node, pascal

CLOSE, COMMAND, STATUS, OPEN, WRITE = 1, 2, 3, 4, 6
LOG_OUT = bytes([20, 0])


class AspSession(Session):
    """AFP over ASP: a session by ATP transactions."""

    quantum = 8 * PART

    def __init__(self, node: Node, server: tuple[int, int, int], version: str) -> None:
        self.node, self.server, self.version = node, server, version
        self.volume, self.number = 0, 0
        user, _ = node.transact(server, bytes([OPEN, SOCKET, 1, 0]), parts=1)
        port, self.session, error = struct.unpack(">BBh", user)
        if error:
            raise AfpError(error)
        self.at = (*server[:2], port)

    def ask(
        self, _command: int, body: bytes, data: bytes = b"", fine: tuple[int, ...] = ()
    ) -> bytes:
        """Send one request and return its reply."""
        verb, self.node.to_write = (WRITE, data) if data else (COMMAND, b"")
        head = struct.pack(">BBH", verb, self.session, self.number)
        user, answer = self.node.transact(self.at, head, body)
        self.number += 1
        code = struct.unpack(">i", user)[0]
        if code and code not in fine:
            raise AfpError(code)
        return answer

    def close_session(self) -> None:
        """Say that it is over."""
        self.node.transact(self.at, bytes([CLOSE, self.session, 0, 0]), parts=1)


def files(node: Node, server: tuple[int, int, int], told: dict[str, str]) -> dict[str, object]:
    """Log in by the device's own way, write a file, read it, list nothing else, and log out."""
    session = AspSession(node, server, "AFP2.2")
    session.login(told["method"], told["account"], told["password"])
    session.open_volume(told["volume"])
    session.write(told["name"], told["content"])
    found = session.read(told["name"])
    session.ask(COMMAND, LOG_OUT)
    session.close_session()
    return {"read": found == told["content"], "bytes": len(found)}


def main() -> None:
    """Join the network, look around and, with an account, write and read a file."""
    told = json.load(sys.stdin)
    said: dict[str, object] = {}
    try:
        node = Node()
        said |= node.join()
        router = said["router"]
        said["zones"] = node.zones(router)
        said["echo"] = node.echo(router)
        servers = node.look(router, "AFPServer", "*")
        said["servers"] = list(servers)
        said["status"] = pascal_at(
            node.transact(servers[told["server"]], bytes([STATUS, 0, 0, 0]))[1]
        )
        if "account" in told:
            said["files"] = files(node, servers[told["server"]], told)
    except AfpError as refused:
        said["error"] = refused.args[0]
    except (OSError, KeyError) as broken:
        said["error"] = str(broken)
    print(json.dumps(said))


def pascal_at(status: bytes) -> list[str]:
    """The versions of AFP that a server's status offers (AFP Reference, FPGetSrvrInfo)."""
    place = struct.unpack(">H", status[2:4])[0]
    count, rest, found = status[place], status[place + 1 :], []
    for _ in range(count):
        version, rest = pascal(rest)
        found.append(version)
    return found


if __name__ == "__main__":
    main()
