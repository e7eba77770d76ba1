"""Reads files as the programs do that such files are written for, and prints what it read as JSON.

    python read_formats.py dotenv|yaml FILE
"""

import json
import sys

import dotenv
import yaml


def main():
    kind, path = sys.argv[1:]
    if kind == "dotenv":
        # Without interpolation: its ${...} has no escape in any form of quotes.
        told = dict(dotenv.dotenv_values(path, interpolate=False))
    else:
        with open(path, encoding="utf-8") as file:
            told = yaml.safe_load(file)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
