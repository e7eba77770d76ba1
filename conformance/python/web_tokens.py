"""Checks a web token with PyJWT against the keys that a server publishes.

    python web_tokens.py JWKS_URL    the token on standard input

Prints {"header": ..., "claims": ...}, or {"error": the kind of failure} when PyJWT does not accept it.
"""

import json
import sys

import jwt


def main():
    token = sys.stdin.read().strip()
    keys = jwt.PyJWKClient(sys.argv[1])
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=["RS256"], options={"require": ["exp", "iat", "nbf"]})
        told = {"header": jwt.get_unverified_header(token), "claims": claims}
    except jwt.PyJWTError as error:
        told = {"error": type(error).__name__}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
