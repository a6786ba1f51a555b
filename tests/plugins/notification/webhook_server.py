#!/usr/bin/env python3
"""A real HTTP server on a free port of the loopback, for the tests of the webhook.

  webhook_server.py DIRECTORY [OPTIONS AS JSON]

Prints its port when it listens, and ends when its standard input ends. It writes to DIRECTORY:

  1.json, 2.json, ...   each request: "method", "path", "headers", "body", "connection" (the connection's
                        number), and "verified": for each secret of the options whether the signature
                        matches. Python's hmac computes this, without any code of the plugin
  ca.pem                with TLS, the certificate to trust

Options:
  tls      true: HTTPS
  name     the host name in the certificate, by default localhost
  secrets  the secrets to verify with
  answers  the answer to each request in turn; the last one is repeated. An answer is {"status": 503,
           "headers": {"Retry-After": "7"}, "body": "text"} or a word: "close" ends the connection without
           an answer, "cut" in the middle of one, "hang" never answers, "garbage" is not HTTP, "endless"
           is an endless answer, "last" answers 200 and then closes the connection
"""
import base64
import hashlib
import hmac
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def verified(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    mine = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(mine, theirs) for theirs in headers["webhook-signature"].split(" "))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1
            self.connection_number = self.server.connections

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
            self.record(number, body)
        answers = self.server.options.get("answers", [{"status": 200}])
        answer = answers[min(number, len(answers)) - 1]
        if isinstance(answer, str):
            getattr(self, answer)()
        else:
            self.answer(**answer)

    # A client that follows a redirect would send GET.
    do_GET = do_POST

    def record(self, number, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = {
            "method": self.command,
            "path": self.path,
            "headers": headers,
            "body": body.decode(),
            "connection": self.connection_number,
            "verified": [verified(secret, headers, body) for secret in self.server.options.get("secrets", [])],
        }
        path = os.path.join(self.server.directory, f"{number}.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(request, file)
        os.rename(path + ".part", path)

    def answer(self, status, headers=None, body=""):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def close(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def last(self):
        self.answer(200)
        self.close()

    def cut(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")
        self.close()

    def hang(self):
        threading.Event().wait()

    def garbage(self):
        self.wfile.write(b"220 mail.test ESMTP\r\n")
        self.close()

    def endless(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def __init__(self, directory, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.directory, self.options = directory, options
        self.lock = threading.Lock()
        self.connections = self.requests = 0
        if options.get("tls"):
            self.socket = tls_context(directory, options.get("name", "localhost")).wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_):
        pass  # some tests make the client disconnect

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own looks up our name in DNS
        self.server_name, self.server_port = self.server_address[:2]


def tls_context(directory, name):
    key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "ca.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    server = Server(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # "hang" still blocks its threads
