"""Creates, reads or updates a blind credential as a deployed Confidant client does, with confidant-client as published.

    python client_blind.py --url URL --context '{"from": NAME, "to": NAME, "user_type": "user"}' create|read|update < JSON

Standard input holds the arguments of the client's method as a JSON object. Prints the client's own answer.
"""

import argparse
import json
import sys

import confidant_client


def main():
    arguments = argparse.ArgumentParser(description="a Confidant client; see the head of this file")
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--key", default="alias/authnz-user", help="the key that tokens are made with")
    arguments.add_argument("--context", required=True, help="encryption context of the token, as JSON")
    arguments.add_argument("--region", default="us-east-1", help="whose copy `read` opens")
    arguments.add_argument("call", choices=("create", "read", "update", "service"))
    given = arguments.parse_args()

    def client(region):
        return confidant_client.ConfidantClient(
            url=given.url,
            auth_key=given.key,
            auth_context=json.loads(given.context),
            token_version=2,
            token_cache_file="",  # its default is a file that every test would share
            region=region,
            config_files=[],  # nothing from this machine's home or /etc
        )

    # Tokens are made where their key is, whichever region's copy is opened.
    home = client("us-east-1")
    call = {
        "create": home.create_blind_credential,
        "read": home.get_blind_credential,
        "update": home.update_blind_credential,
        "service": home.get_service,
    }[given.call]
    told = call(**json.load(sys.stdin))
    if given.call == "read" and told["result"]:
        sealed = told["blind_credential"]
        sealed["decrypted_credential_pairs"] = client(given.region)._get_decrypted_pairs(sealed)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
