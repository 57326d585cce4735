"""One connection from one simulated machine to another, seen from both ends."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import Lab

SOON = 0.6
"""Seconds after which a packet between two namespaces of one machine was dropped: it takes 1 ms."""

LISTEN = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
server.settimeout(3)
print("ready", flush=True)
connection, peer = server.accept()
connection.sendall(b"hello")
print("from", peer[0])
"""
# It tries until the listener is up, 5 s at the most; a firewall that drops stays silent.
CONNECT = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[3])
while True:
    try:
        there, wait = (sys.argv[1], int(sys.argv[2])), float(sys.argv[4])
        with socket.create_connection(there, wait) as connection:
            print(connection.recv(5).decode() or "empty")
        break
    except ConnectionRefusedError:
        if time.monotonic() > end:
            print("refused"); break
        time.sleep(0.1)
    except OSError as error:
        print("silent" if isinstance(error, TimeoutError) else f"error {error}"); break
"""


Way = tuple[str, str, int]
"""From where, to which address, on which port."""


@dataclass(frozen=True)
class Met:
    """What came of it. ``answer`` is what the client got; ``seen`` the address the server saw."""

    answer: str
    seen: str

    @property
    def passed(self) -> bool:
        """Whether data came back."""
        return self.answer == "hello"


def meet(lab: Lab, source: str, destination: str, address: str, port: int) -> Met:
    """Listen on ``destination`` at ``address`` and connect to it from ``source``."""
    with ThreadPoolExecutor(1) as pool:
        server = ["python3", "-c", LISTEN, address, str(port)]
        listening = pool.submit(lab.exec, destination, server, timeout=20)
        answer = connect(lab, source, address, port, patience=2)
        seen = listening.result().stdout.partition("from ")[2].strip()
    return Met(answer, seen)


def connect(lab: Lab, source: str, address: str, port: int, patience: float = 0) -> str:
    """``hello``, ``refused`` (it passed, nobody listens), ``silent`` (dropped) or an error.

    ``patience`` is how long to wait for the listener, in seconds; 0: nobody is to answer.
    """
    wait = SOON if patience == 0 else 2
    client = ["python3", "-c", CONNECT, address, str(port), str(patience), str(wait)]
    return lab.exec(source, client, timeout=20).stdout.strip()


def not_silent(lab: Lab, ways: Iterable[Way]) -> list[Way]:
    """Those on which anything answered; tried side by side, for silence is known by waiting."""
    asked = list(ways)
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda way: connect(lab, *way), asked)
        return [way for way, answer in zip(asked, answers, strict=True) if answer != "silent"]
