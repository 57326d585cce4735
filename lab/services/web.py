"""A web server that says whom it sees. Runs in the lab's world: standard library only.

``web.py ADDRESS PORT LOG``: every request is a line of JSON in LOG, and the answer's first line
is ``you are CLIENT``: that is how masquerading is proven.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    """Serve until killed."""
    address, port, log = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            client = self.client_address[0]
            line = {"time": time.time(), "client": client, "path": self.path}
            with log.open("a") as output:
                output.write(json.dumps(line) + "\n")
            body = f"you are {client}\nthis is {address}\n".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Nothing beside our own log."""

    ThreadingHTTPServer((address, port), Page).serve_forever()


if __name__ == "__main__":
    main()
