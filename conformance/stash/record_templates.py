"""What the real CredSmash makes of the templates in vectors/templates/corpus.json.

    record_templates.py check FILE     prints, as JSON, how many cases there are and the ids of those whose outcome is
                                       not the recorded one (of an error, its name may differ: Python's own do)
    record_templates.py record FILE    writes the outcomes into FILE

Needs the packages of requirements.txt.
"""
import copy
import json
import sys

from credsmash.templates import DictProxy, _make_env


def outcome(corpus, case):
    secrets = {name: text.encode() for name, text in corpus["secrets"].items()}
    secrets.update((name, bytes.fromhex(digits)) for name, digits in corpus["secrets_hex"].items())
    variables = copy.deepcopy(corpus["variables"])
    variables["secrets"] = DictProxy(secrets, case.get("key_fmt", "{0}"))
    try:
        return {"text": _make_env().from_string(case["template"]).render(variables)}
    except Exception as error:
        return {"error": type(error).__name__}


def main(what, path):
    with open(path, encoding="utf-8") as file:
        corpus = json.load(file)
    cases = corpus["cases"]
    if what == "check":
        other = [
            case["id"] for case in cases if outcome(corpus, case).get("text") != case["expect"].get("text")
        ]
        print(json.dumps({"cases": len(cases), "other": other}))
        return
    for case in cases:
        case["expect"] = outcome(corpus, case)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(corpus, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
