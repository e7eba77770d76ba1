"""How gunicorn runs the real Confidant for the tests: as its authors ship it, on a free port that it tells."""

bind = "127.0.0.1:0"
workers = 2
worker_class = "gevent"


def when_ready(server):
    host, port = server.LISTENERS[0].sock.getsockname()
    print(f"listening on http://{host}:{port}", flush=True)
