#!/usr/bin/env python3
"""A token endpoint on a free port of the loopback, for the tests of the email plugin.

  token_server.py DIRECTORY ANSWERS AS JSON

Prints its port when it listens, and ends when its standard input ends. It answers each POST with the next of ANSWERS
and repeats the last one; the status is 400 if the answer contains "error". It writes the posted forms to
DIRECTORY/requests.
"""
import http.server
import json
import os
import sys
import threading


class Endpoint(http.server.BaseHTTPRequestHandler):
    directory, answers = None, None

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(os.path.join(self.directory, "requests"), "a", encoding="utf-8") as requests:
            requests.write(form + "\n")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = json.dumps(answer).encode()
        self.send_response(400 if "error" in answer else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


Endpoint.directory, Endpoint.answers = sys.argv[1], json.loads(sys.argv[2])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
