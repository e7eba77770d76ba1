"""A receiver of notices for the tests: an HTTP server that takes, refuses, or never answers what is posted to it.

    python receiver.py

Prints `ready <port>` when it listens (an ephemeral port of 127.0.0.1) and ends when its standard input closes. Every
POST but those below `/_ctl/` is kept with its headers and answered with the next ordered answer, or 200.

    PUT /_ctl/answers   a list of statuses, or "stall" for no answer at all, for the posts to come
    GET /_ctl/posts     what was posted: [{"path", "headers", "body", "answered"}]
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

posts = []
answers = []
lock = threading.Lock()
ended = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.body().decode()
        with lock:
            answer = answers.pop(0) if answers else 200
            headers = {name.lower(): value for name, value in self.headers.items()}
            posts.append({"path": self.path, "headers": headers, "body": body, "answered": answer})
        if answer == "stall":
            ended.wait()
        else:
            self.answer(answer, b"")

    def do_PUT(self):
        ordered = json.loads(self.body())
        with lock:
            answers[:] = ordered
        self.answer(200, b"{}")

    def do_GET(self):
        with lock:
            told = json.dumps(posts).encode()
        self.answer(200, told)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", server.server_port, flush=True)
sys.stdin.read()
ended.set()
