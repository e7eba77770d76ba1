"""Fetches one service as a deployed Confidant client does, with kmsauth and confidant-client as published.

    python client_fetch.py --url URL --service ID --key alias/authnz --context '{"from": ID, "to": NAME}' \
        [--token-version 2] [--user-type service] [--token-only]

The libraries find KMS through the environment: AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_KMS), AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY. Prints one JSON object: the versions that ran, the user name and token that were sent, and
`service`, which is the client's own answer (its `result` is false when it was refused).
"""

import argparse
import importlib.metadata
import json

import confidant_client
import kmsauth


def text(token):
    """A token made now is bytes, one from the cache is text."""
    return token if isinstance(token, str) else token.decode("ascii")


def main():
    arguments = argparse.ArgumentParser(description="a Confidant client; see the head of this file")
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--service", required=True)
    arguments.add_argument("--key", required=True, help="alias or ARN of the key that tokens are made with")
    arguments.add_argument("--context", required=True, help="encryption context, as JSON; without user_type")
    arguments.add_argument("--token-version", type=int, default=2, choices=(1, 2))
    arguments.add_argument("--user-type", default="service")
    arguments.add_argument("--region", default="us-east-1")
    arguments.add_argument("--token-lifetime", type=int, default=10, help="minutes")
    arguments.add_argument("--token-cache", default="", help="file in which kmsauth keeps its token")
    arguments.add_argument("--token-only", action="store_true", help="make a token and fetch nothing")
    given = arguments.parse_args()

    context = json.loads(given.context)
    if given.token_version == 2:
        context["user_type"] = given.user_type

    # The clients' own way to a token, once by itself: what a hand-written client sends as X-Auth-From, X-Auth-Token.
    generator = kmsauth.KMSTokenGenerator(
        given.key,
        context,
        given.region,
        token_version=given.token_version,
        token_lifetime=given.token_lifetime,
        token_cache_file=given.token_cache,
    )
    told = {
        "kmsauth": importlib.metadata.version("kmsauth"),
        "confidant_client": importlib.metadata.version("confidant-client"),
        "from": generator.get_username(),
        "token": text(generator.get_token()),
    }
    if not given.token_only:
        client = confidant_client.ConfidantClient(
            url=given.url,
            auth_key=given.key,
            auth_context=context,
            token_version=given.token_version,
            token_lifetime=given.token_lifetime,
            token_cache_file="",  # its default is a file that every test would share
            region=given.region,
            timeout=60,  # seconds; its default of 5 is short where many tests share two processors
            config_files=[],  # nothing from this machine's home or /etc
        )
        told["service"] = client.get_service(given.service)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
