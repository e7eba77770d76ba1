"""Reads and writes session cookies with Flask itself, as Confidant does.

    python flask_session.py < {"secret": text, "cookie": text, "session": object}

Opens `cookie` and signs `session`, both under `secret`. Prints one JSON object: `opened`, with dates as ISO 8601, and
`cookie`, the signed session.
"""

import datetime
import json
import sys

import flask
from flask.sessions import SecureCookieSessionInterface


def main():
    given = json.load(sys.stdin)
    app = flask.Flask(__name__)
    app.secret_key = given["secret"]
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    opened = serializer.loads(given["cookie"], max_age=60)
    now = datetime.datetime.now(datetime.timezone.utc)
    end = now + datetime.timedelta(hours=1)
    session = dict(given["session"], expiration=end, max_expiration=end)
    print(json.dumps({"opened": opened, "cookie": serializer.dumps(session)}, default=lambda date: date.isoformat()))


if __name__ == "__main__":
    main()
