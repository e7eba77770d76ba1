"""What the real CredSmash makes of the templates in vectors/templates/corpus.json.

    record_templates.py check FILE     prints, as JSON, the id of every case whose outcome is not the recorded one
    record_templates.py record FILE    writes the outcomes into FILE

Needs credsmash[yaml,templates]==3.0.2 and Jinja2 3.1.6.
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
    if what == "check":
        print(json.dumps([case["id"] for case in corpus["cases"] if outcome(corpus, case) != case["expect"]]))
        return
    for case in corpus["cases"]:
        case["expect"] = outcome(corpus, case)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(corpus, file, indent=1, ensure_ascii=True)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
