"""Runs confidant-client and kmsauth as published, call by call, for the test that started it.

Reads one order a line (JSON) from its standard input and answers each with one line:

    {"as": LOGIN, "library": NAME, "arguments": {...}}   {"returned": ANSWER, "log": TEXT} or {"raised": TEXT, "log": TEXT}
    {"as": LOGIN, "cli": [ARGUMENT, ...], "seconds": N}  {"exit": STATUS, "stdout": TEXT, "stderr": TEXT}; STATUS is null when
                                                         the command was still running after N seconds, and was killed
    {"validate": {"username": .., "token": ..},          the same, of kmsauth's own validator
     "settings": {...}}

LOGIN is a profile of the client's own configuration file (--config), with url, auth_key, auth_context and so on. The
command line runs in a forked process, which spares it the start; everything in it is the published code.
"""

import argparse
import importlib.metadata
import io
import json
import logging
import os
import signal
import sys
import tempfile

import confidant_client
import confidant_client.cli
import kmsauth


def attempt(call):
    """What a call returned or raised, with what it logged."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        told = {"returned": call()}
    except Exception as fault:
        told = {"raised": f"{type(fault).__name__}: {fault}"}
    finally:
        logging.getLogger().removeHandler(handler)
    return {**told, "log": log.getvalue()}


def call_library(config, order):
    # The defaults of a library: no retries.
    client = confidant_client.ConfidantClient(config_files=[config], profile=order["as"])
    return getattr(client, order["library"])(**order["arguments"])


def run_cli(config, order):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            sys.argv = ["confidant", "--config-files", config, "--profile", order["as"], *order["cli"]]
            run_main()
        status = wait(child, order["seconds"])
        stdout.seek(0)
        stderr.seek(0)
        return {"exit": status, "stdout": stdout.read().decode(), "stderr": stderr.read().decode()}


def run_main():
    """The published entry point; never returns."""
    status = 0
    try:
        confidant_client.cli.main()
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        logging.exception("the client crashed")
        status = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status & 0xFF)


def wait(child, seconds):
    """The exit status; None when it had to be killed."""

    def late(_number, _frame):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def validate(order):
    validator = kmsauth.KMSTokenValidator(**order["settings"])
    return validator.decrypt_token(order["validate"]["username"], order["validate"]["token"])


def answer(config, order):
    if "cli" in order:
        return run_cli(config, order)
    if "library" in order:
        return attempt(lambda: call_library(config, order))
    return attempt(lambda: validate(order))


def main():
    arguments = argparse.ArgumentParser(description="published clients, call by call; see the head of this file")
    arguments.add_argument("--config", required=True, help="the client's own configuration file")
    config = arguments.parse_args().config
    versions = {name: importlib.metadata.version(name) for name in ("confidant-client", "kmsauth")}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(config, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
