#!/usr/bin/env python3
"""A real HTTP server on a free port of the loopback, with faults on demand, for the tests of the sync plugin.

  http_server.py DIRECTORY ROUTES_AS_JSON [HOST]

With HOST it speaks TLS; the self-signed certificate for that name is in DIRECTORY/ca.pem. Prints its port when it
listens, and ends when its standard input ends. Each request is a line of JSON in DIRECTORY/requests: {"method", "path",
"headers", "body"}, header names in lower case.

ROUTES maps a path, with or without its query, to a list of answers. Each request gets the next answer; the last one is
repeated. An answer:

  status     200 by default
  headers    {"Name": "value"}
  json       the body as JSON, or
  body       the body as text; "{origin}" in json and body is replaced by http://127.0.0.1:PORT; or
  hex        the body's bytes
  etag       the ETag; a request that has it in If-None-Match gets 304
  gzip       true: the body is compressed
  fault      "close"    ends the connection without an answer
             "cut"      announces more bytes than it sends
             "end"      announces no length and ends in the middle of the body
             "hang"     never answers
             "slow"     sends the first half of the body, then nothing
             "endless"  repeats the body endlessly
             "garbage"  answers with something other than HTTP
"""
import json
import os
import socket
import struct
import sys
import threading

if len(sys.argv) < 4:
    sys.modules["ssl"] = None  # not needed here, and importing it takes a third of the start
import http.server  # noqa: E402

directory, routes = sys.argv[1], json.loads(sys.argv[2])
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with lock:
            with open(os.path.join(directory, "requests"), "a", encoding="utf-8") as file:
                headers = {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers.keys()}
                json.dump({"method": self.command, "path": self.path, "headers": headers, "body": body}, file)
                file.write("\n")
            answers = routes.get(self.path) or routes.get(self.path.split("?")[0]) or [{"status": 404}]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.say(answer)

    do_GET = do_POST = do_PUT = answer

    def say(self, answer):
        fault = answer.get("fault", "")
        text = answer["body"] if "body" in answer else json.dumps(answer["json"]) if "json" in answer else ""
        body = text.replace("{origin}", origin).encode("utf-8", "surrogateescape")
        if "hex" in answer:
            body = bytes.fromhex(answer["hex"])
        if fault == "close":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault == "garbage":
            self.wfile.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
        if fault in ("close", "garbage"):
            self.close_connection = True
            return
        if fault == "hang":
            self.wait_for_the_end()
            return
        etag = answer.get("etag")
        if etag and self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        if answer.get("gzip"):
            import gzip

            body = gzip.compress(body)
        self.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value.replace("{origin}", origin))
        if etag:
            self.send_header("ETag", etag)
        if answer.get("gzip"):
            self.send_header("Content-Encoding", "gzip")
        self.send_body(body, fault)

    def send_body(self, body, fault):
        half = body[: len(body) // 2]
        if fault in ("end", "endless"):
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "endless":
            try:
                while True:
                    self.wfile.write(body)
            except OSError:
                return
        self.wfile.write(half if fault in ("cut", "end", "slow") else body)
        if fault == "slow":
            self.wfile.flush()
            self.wait_for_the_end()
        if fault in ("cut", "end"):
            self.close_connection = True

    def wait_for_the_end(self):
        self.close_connection = True
        try:
            while self.connection.recv(1024):
                pass
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def tls_socket(plain, name):
    import ssl
    import subprocess

    key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "ca.pem")
    options = f"-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name}"
    command = ["openssl", "req", "-x509", *options.split(), "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context.wrap_socket(plain, server_side=True)


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    server.socket = tls_socket(server.socket, sys.argv[3])
origin = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
os._exit(0)
