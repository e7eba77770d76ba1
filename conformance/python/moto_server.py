"""DynamoDB, KMS, STS and Private CA on this machine for the tests: moto in one process, one call at a time.

    python moto_server.py --seed kms_seed.json... [--recorded items.json...] [--confidant-layout dynamodb_table.json]

Prints `ready <port>` when it listens (an ephemeral port of 127.0.0.1) and ends when its standard input closes, so that
it never outlives the test that started it. Calls are applied one after the other: moto is no judge of races, and its
lost updates would look like ours.

Control paths, answered with JSON; a mistake in an order is a 400 that says so:

    POST   /_ctl/reset             tables, faults, permissions and recorded calls are forgotten, keys made again
    POST   /_ctl/load              {"tables": {NAME: {"layout": "confidant" | "stash", "items": [DynamoDB JSON]}}}
    POST   /_ctl/private_ca        makes a root of AWS Private CA that is ready to issue: {"arn": ARN}
    GET    /_ctl/tables            names
    GET    /_ctl/dump?table=NAME   all items, sorted by key
    GET    /_ctl/calls             {"total": N, "calls": [the last 20,000, each with the number of its connection]};
                                   DELETE forgets them
    POST   /_ctl/fault             one order or a list (faults.py); GET lists what is still open, DELETE forgets it
                                   (with `?access_key=NAME`, only the orders about that key)
    POST   /_ctl/allow             {"actions": ["dynamodb:GetItem", ...] | null, "access_key": NAME | null}

load, private_ca, tables and dump take `?region=`.
"""

import argparse
import io
import itertools
import json
import os
import sys
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from faults import Faults, keep_keys
from permissions import Permissions
from stage import Stage

import mended  # noqa: F401  (moto made as strict as AWS)

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

CALLS_KEPT = 20_000
JSON_HEADERS = [("Content-Type", "application/x-amz-json-1.1")]


class Call:
    """One AWS call, read as far as faults, permissions and the record need it."""

    def __init__(self, headers, body):
        self.target = headers.get("X-Amz-Target", "")
        _, _, credential = headers.get("Authorization", "").partition("Credential=")
        scope = credential.split(",")[0].split("/")
        self.access_key, _, self.region, self.service = (scope + [None] * 4)[:4]
        if self.target:
            self.operation = self.target.split(".")[-1]
            self.body = json.loads(body or b"{}")
        else:  # the query protocol of STS and IAM
            self.body = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
            self.operation = self.body.get("Action", "")

    def tables(self):
        """The DynamoDB tables that the call names."""
        if "TableName" in self.body:
            return [self.body["TableName"]]
        if isinstance(self.body.get("RequestItems"), dict):
            return list(self.body["RequestItems"])
        parts = self.body.get("TransactItems", [])
        return list(dict.fromkeys(part.get("TableName") for entry in parts for part in entry.values()))


class Lost(Exception):
    """The connection closes without an answer."""


class Cloud:
    """moto behind one lock, with what a test may order."""

    def __init__(self, stage):
        self.stage = stage
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.faults, self.permissions = Faults(), Permissions()
        self.calls, self.total = deque(maxlen=CALLS_KEPT), 0
        stage.reset()

    def answer(self, environ, headers, body, connection):
        """Status line, headers and body for one AWS call."""
        call = Call(headers, body)
        with self.lock:
            fault = self.faults.next_for(call)
        if fault and fault.delay_ms:
            time.sleep(fault.delay_ms / 1000)
        with self.lock:
            record = {
                "service": call.service,
                "operation": call.operation,
                "access_key": call.access_key,
                "tables": call.tables(),
                "connection": connection,
                "fault": fault.name() if fault else None,
                "status": None,
                "body": call.body,
            }
            self.calls.append(record)
            self.total += 1
            status, answer_headers, answer = self.apply(call, fault, environ, body)
            record["status"] = int(status.split()[0])
        if fault and fault.drop_reply:
            fault.strike_the_caller()
            raise Lost
        return status, answer_headers, answer

    def apply(self, call, fault, environ, body):
        if fault and fault.drop_request:
            fault.strike_the_caller()
            raise Lost
        if fault and fault.code:
            told = {"__type": fault.code, "message": fault.message, **fault.extra}
            return f"{fault.status} Ordered", JSON_HEADERS, json.dumps(told).encode()
        refusal = self.permissions.refusal(call)
        if refusal:
            return "400 Bad Request", JSON_HEADERS, json.dumps(refusal).encode()
        if fault and fault.partial is not None:
            return self.partial_batch(call, fault.partial, environ)
        return self.through_moto(environ, body)

    def partial_batch(self, call, count, environ):
        kept, rest = keep_keys(call.body, count)
        if kept:
            status, _, answer = self.through_moto(environ, json.dumps({**call.body, "RequestItems": kept}).encode())
        else:
            status, answer = "200 OK", b'{"Responses": {}}'
        told = {**json.loads(answer), "UnprocessedKeys": rest}
        # moto's own headers carry a checksum of its own body.
        return status, JSON_HEADERS, json.dumps(told).encode()

    def through_moto(self, environ, body):
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        head = []

        def start_response(status, headers, exc_info=None):
            head[:] = [status, headers]

        answer = b"".join(self.moto(environ, start_response))
        return head[0], head[1], answer

    def control(self, method, verb, query, body):
        """The answer to a control path."""
        region = query.get("region")
        order = json.loads(body) if body else None
        with self.lock:
            match method, verb:
                case "POST", "reset":
                    self.stage.reset()
                    self.faults.reset()
                    self.permissions.reset()
                    self.calls.clear()
                    self.total = 0
                case "POST", "load":
                    self.stage.load(order["tables"], region)
                case "POST", "private_ca":
                    return {"arn": self.stage.make_private_ca(region)}
                case "GET", "tables":
                    return self.stage.tables(region)
                case "GET", "dump":
                    return self.stage.dump(query["table"], region)
                case "GET", "calls":
                    return {"total": self.total, "calls": list(self.calls)}
                case "DELETE", "calls":
                    self.calls.clear()
                    self.total = 0
                case "POST", "fault":
                    self.faults.order(order)
                case "GET", "fault":
                    return [vars(fault) for fault in self.faults.open]
                case "DELETE", "fault":
                    self.faults.reset(query.get("access_key"))
                case "POST", "allow":
                    self.permissions.allow(order["actions"], order.get("access_key"))
                case _:
                    raise ValueError(f"no control path {method} /_ctl/{verb}")
        return {}


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections: each answer leaves in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cloud = None
    connections = itertools.count(1)

    def setup(self):
        super().setup()
        self.connection_number = next(self.connections)

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return self.send("411 Length Required", JSON_HEADERS, b"{}")
        if url.path.startswith("/_ctl/"):
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                told = self.cloud.control(self.command, url.path[len("/_ctl/") :], query, body)
            except (ValueError, KeyError, TypeError) as error:
                return self.send("400 Bad Request", JSON_HEADERS, json.dumps({"error": repr(error)}).encode())
            return self.send("200 OK", JSON_HEADERS, json.dumps(told).encode())
        try:
            self.send(*self.cloud.answer(self.environ(url, body), self.headers, body, self.connection_number))
        except Lost:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request

    def environ(self, url, body):
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "REQUEST_URI": self.path,
            "RAW_URI": self.path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ.setdefault("HTTP_" + name.upper().replace("-", "_"), value)
        return environ

    def send(self, status, headers, body):
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        head.append(f"Date: {self.date_time_string()}")
        head += [f"{name}: {value}" for name, value in headers if name.lower() not in ("content-length", "connection", "date")]
        if self.close_connection:
            head.append("Connection: close")
        self.wfile.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + (b"" if self.command == "HEAD" else body))

    def log_message(self, *_):
        """Standard output says `ready` and nothing else."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def end_with_the_parent():
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main():
    arguments = argparse.ArgumentParser(description="moto for the tests; see the head of this file")
    arguments.add_argument("--seed", action="append", required=True)
    arguments.add_argument("--recorded", action="append", default=[])
    arguments.add_argument("--confidant-layout")
    arguments.add_argument("--region", default="us-east-1")
    given = arguments.parse_args()
    Handler.cloud = Cloud(Stage(given.seed, given.recorded, given.confidant_layout, given.region))
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    print("ready", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
