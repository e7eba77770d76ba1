"""The real CredSmash and credstash, each run in a process of its own but with Python and their imports already there.

Reads a request a line, `{"tool", "args", "input" (base64), "seconds"}`, and answers each with a line,
`{"code", "stdout", "stderr"}` (base64). A run that takes longer than its seconds ends by a signal: its code is null.
The environment and the folder are this process's own.
"""

import base64
import functools
import gc
import json
import os
import signal
import sys
import tempfile

import boto3
import botocore.loaders
import credsmash.cli
import credstash

MAINS = {"credsmash": credsmash.cli.main, "credstash": credstash.main}


def load_once():
    """What every run would load again: the descriptions of the services."""
    botocore.loaders.create_loader = functools.cache(botocore.loaders.create_loader)
    for service in ("dynamodb", "kms"):
        boto3.client(service, region_name="us-east-1")
    boto3.resource("dynamodb", region_name="us-east-1")
    # Left alone by the collector, this stays shared with the processes of the runs.
    gc.freeze()


def serve(requests, answers):
    """Answers requests; returns the entry point to go on with, in the process of a run only."""
    for line in requests:
        request = json.loads(line)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
            given.write(base64.b64decode(request["input"]))
            given.seek(0)
            run = os.fork()
            if run == 0:
                for number, file in enumerate((given, said, told)):
                    os.dup2(file.fileno(), number)
                signal.alarm(request["seconds"])
                sys.argv = [request["tool"], *request["args"]]
                return MAINS[request["tool"]]
            _, status = os.waitpid(run, 0)
            answer = {"code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None}
            for name, file in (("stdout", said), ("stderr", told)):
                file.seek(0)
                answer[name] = base64.b64encode(file.read()).decode()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return None


def main():
    # The standard streams are for the runs.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    load_once()
    return serve(requests, answers)


if __name__ == "__main__":
    entry = main()
    if entry:
        sys.exit(entry())
