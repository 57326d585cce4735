"""A mail relay that keeps what it is given. Runs in the lab's world: standard library only.

``mail.py ADDRESS PORT FOLDER``: each message becomes FOLDER/N.eml, with the client's address
and the envelope in ``X-Lab-`` lines before it. The commands of RFC 5321, 4.5.1.
"""

import itertools
import socketserver
import sys
from pathlib import Path

MAX_LINE = 1 << 16
MAX_MESSAGE = 64 << 20


class Relay(socketserver.ThreadingTCPServer):
    """Where messages go, and their numbers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, where: tuple[str, int], folder: Path) -> None:
        """Listen, and number on from the messages that are there."""
        super().__init__(where, Session)
        self.folder = folder
        self.numbers = itertools.count(len(list(folder.glob("*.eml"))) + 1)

    def keep(self, client: str, envelope: list[str], message: bytes) -> int:
        """Write one message, whole or not at all."""
        number = next(self.numbers)
        head = "".join(f"X-Lab-{line}\r\n" for line in (f"Client: {client}", *envelope))
        partial = self.folder / f"{number}.partial"
        partial.write_bytes(head.encode() + message)
        partial.rename(self.folder / f"{number}.eml")
        return number


class Session(socketserver.StreamRequestHandler):
    """One client."""

    server: Relay
    timeout = 60

    def handle(self) -> None:
        """Greet, then one command a line."""
        self.envelope: list[str] = []
        self.say(220, "mail.hospital.example ESMTP")
        while line := self.rfile.readline(MAX_LINE):
            text = line.decode("utf-8", "replace").strip()
            verb = text[:4].upper()
            if verb == "QUIT":
                self.say(221, "Bye")
                return
            answer = getattr(self, f"on_{verb.lower()}", None)
            if answer:
                answer(text)
            else:
                self.say(502, "Command not implemented")

    def say(self, code: int, text: str) -> None:
        """One line of answer."""
        self.wfile.write(f"{code} {text}\r\n".encode())

    def on_helo(self, _text: str) -> None:
        """A greeting starts anew."""
        self.envelope = []
        self.say(250, "mail.hospital.example")

    on_ehlo = on_helo

    def on_mail(self, text: str) -> None:
        """The sender."""
        self.envelope = [f"From: {text[10:].strip()}"]
        self.say(250, "OK")

    def on_rcpt(self, text: str) -> None:
        """A recipient, after a sender."""
        if not self.envelope:
            self.say(503, "MAIL first")
            return
        self.envelope.append(f"To: {text[8:].strip()}")
        self.say(250, "OK")

    def on_data(self, _text: str) -> None:
        """The message, up to a line of one dot; a doubled dot is a dot (RFC 5321, 4.5.2)."""
        if len(self.envelope) < 2:
            self.say(503, "RCPT first")
            return
        self.say(354, "End with a dot")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(MAX_LINE)) and line.rstrip(b"\r\n") != b".":
            size += len(line)
            if size <= MAX_MESSAGE:
                lines.append(line[1:] if line.startswith(b"..") else line)
        if not line:
            return
        if size > MAX_MESSAGE:
            self.say(552, "Too large")
            return
        number = self.server.keep(self.client_address[0], self.envelope, b"".join(lines))
        self.envelope = []
        self.say(250, f"OK: kept as {number}")

    def on_rset(self, _text: str) -> None:
        """Forget the envelope."""
        self.envelope = []
        self.say(250, "OK")

    def on_noop(self, _text: str) -> None:
        """Nothing."""
        self.say(250, "OK")

    def on_vrfy(self, _text: str) -> None:
        """We tell nobody who is here."""
        self.say(252, "Cannot verify")


if __name__ == "__main__":
    place = Path(sys.argv[3])
    place.mkdir(exist_ok=True)
    Relay((sys.argv[1], int(sys.argv[2])), place).serve_forever()
