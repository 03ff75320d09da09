#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small HTTPS server for the tests of sources: a plain object store.

It listens on loopback only and serves the files of a directory, each with an
ETag of its content, to one thread per request.  Files in the control
directory, looked at anew for each request, make it misbehave:

    status  answer with the number in it, and no body
    hang    take the request and never answer
    drip    send the body byte by byte, ten of them a second
    slow    wait as many seconds as it says, then answer as ever

The log has one line for each answer: method, path, status.
"""

import argparse
import hashlib
import http.server
import pathlib
import ssl
import time

HANG_S = 600
DRIP_S = 0.1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = HANG_S

    def setup(self):
        # in this thread: nobody's handshake makes others wait
        self.request.do_handshake()
        super().setup()

    def told(self, name):
        """The content of a control file, or None."""
        try:
            return (self.server.control / name).read_text().strip()
        except FileNotFoundError:
            return None

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.told("drip") is None:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            time.sleep(DRIP_S)

    def do_GET(self):
        if (status := self.told("status")) is not None:
            self.answer(int(status))
            return
        if self.told("hang") is not None:
            time.sleep(HANG_S)
            return
        if (seconds := self.told("slow")) is not None:
            time.sleep(float(seconds))
        self.serve()

    def serve(self):
        try:
            body = (self.server.root / self.path.lstrip("/")).read_bytes()
        except OSError:
            self.answer(404)
            return
        etag = '"%s"' % hashlib.sha256(body).hexdigest()[:32]
        if self.headers.get("If-None-Match") == etag:
            self.answer(304, headers=[("ETag", etag)])
        else:
            self.answer(200, body, [("ETag", etag)])

    def log_request(self, code="-", size="-"):
        with self.server.log.open("a") as log:
            print(self.command, self.path, int(code), file=log)

    def log_message(self, format, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever asks may hang up


def arguments():
    p = argparse.ArgumentParser(description="HTTPS server for tests")
    p.add_argument("--cert", required=True)
    p.add_argument("--key", required=True)
    p.add_argument("--port", type=int, required=True)
    for name in ("dir", "control", "log"):
        p.add_argument("--" + name, type=pathlib.Path, required=True)
    return p.parse_args()


def main():
    args = arguments()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)
    server = Server(("127.0.0.1", args.port), Handler)
    server.root, server.control, server.log = args.dir, args.control, args.log
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
