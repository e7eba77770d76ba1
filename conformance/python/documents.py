"""What Python itself writes and reads: JSON, YAML, CSV, dotenv and INI documents, and which names fit a pattern.

    python documents.py SEED COUNT          one JSON object with about COUNT cases of each kind, from this seed
    python documents.py SEED COUNT FOLDER   the same, one file for each format

The files of vectors/documents are `documents.py 1 1200 vectors/documents` of Python 3.11, PyYAML 6.0.3 and python-dotenv
1.2.4. A value that was read is shown with its type: see `shown`.
"""

import base64
import configparser
import csv
import datetime
import fnmatch
import io
import json
import pathlib
import random
import sys

import dotenv.parser
import yaml

# Scalars that mean something, or nearly.
SPECIAL = """
yes Yes YES yEs no on Off true TRUE tRUE null Null NULL ~ ~a nul = << <<< ! & * ? - : , # - a: a:b a :b a: b
0 00 01 07 08 0600 -0 +1 1_000 _1 1_ 0b1 0b2 0b_ 0x1f 0xg 0o17 1:30 1:60 1:30:59 01:30 1:30.5 1. 1.5 .5 -.5 +.5 ._1 1e3 1.e3 1.0e3
1.0e+3 1.5E-10 .inf -.inf +.Inf .INF .nan .NaN -.nan .Nan 0_ 0x_ 123456789012345678901234567890 1.7976931348623157e+309
2001-12-14 2001-1-4 2001-13-40 2001-12-14t21:59:43.10-05:00 2001-12-14T1:59:43Z 20011-12-14 2001-12-14x 12:30:45
--- ... ---a ...b -- .. --a %a @a `a |a >a 'a "a a' a" 'a' "a" {a} [a] a{ a[ a, a]b {} [] a#b a?b ?a :a -a !a &a *a
None nan Infinity undefined $HOME ${HOME} $(id) `id` \\ \\n a\\b C:\\dir \\\\host
""".split() + [
    "", " ", "  ", " a", "a ", "a b", "a  b", "a: b", "a :b", "a #b", "a # b", "#a", "- a", "? a", ": a", "a -", "a:", "\n", "\n\n",
    "a\n", "\na", "a\nb", "a\n\nb", "a\n b", "a \nb", "a\r\nb", "a\rb", "\ta", "a\tb", "a\t", "\t", "\0", "a\0b", "\x07\x08\x0b\x0c\x1b", "\x7f",
    "\x80", "\x85", "a\x85b", "\xa0", "\xad", "é", "é ü", "日本", "\u2028", "a\u2028b", "a\u2028\nb", "a\n\u2028b", "\u2029a", "a\u2029\u2029b",
    "\ufeff", "\ufeffa", "a\ufeff", "\ud7ff", "\ue000", "\ufdd0", "\ufffd", "\ufffe", "\uffff", "😀", "a 😀 b", "\U0010fffe", "\U0010ffff",
    "2001-12-14 21:59:43", "2001-12-14 1:59:43 +5", "yes ", " yes", "yes\n", "null\n", "a: b\nc: d\n", "it's", "it's \"x\"", "'", "''", '"', '\\"', "\\'",
    "-----BEGIN KEY-----\nMIIE\n\n-----END KEY-----\n", "<script>&amp;</script>", '{"a": 1}', "[1, 2]",
]

PIECES = list(" '\"\\:#-?,[]{}&*!|>%@`=~$.+_/;\n\n\t\r\0\x1b\x85\x7f") + [
    "a", "b", "é", "0", "1", "word", "longer-word", "  ", " ", " ", ": ", " #", "- ", "\r\n", "\n ", " \n", "\u2028", "\u2029", "\ufeff", "\xa0", "😀", "鍵",
    "\U0010ffff", "\ufffe", "${a}", "export ", "yes", "null",
]


def texts(dice, count):
    """Special ones, then random ones: short and wild, long and foldable, words and words."""
    yield from SPECIAL[:count]
    for place in range(max(0, count - len(SPECIAL))):
        kind = place % 4
        if kind == 0:
            yield "".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 12)))
        elif kind == 1:
            words = ("x" * dice.randrange(1, 14) for _ in range(dice.randrange(8, 30)))
            yield "".join(word + dice.choice([" ", " ", " ", "  ", dice.choice(PIECES)]) for word in words)
        elif kind == 2:
            yield "".join(dice.choice(PIECES + ["word", "é", "\n", " "] * 8) for _ in range(dice.randrange(20, 110)))
        else:
            yield "".join(chr(dice.choice([dice.randrange(0x20, 0x7F), dice.randrange(0xD800), dice.randrange(0xE000, 0x110000)]))
                          for _ in range(dice.randrange(1, 30)))


def mappings(dice, count):
    """Mappings of one text to another, a few of several."""
    values = list(texts(dice, count))
    names = list(texts(dice, count))
    dice.shuffle(names)
    yield {}
    for place, value in enumerate(values):
        if place % 3 == 0:
            yield {names[place]: value}
        elif place % 3 == 1:
            yield {"k": value}
        else:
            yield {name: value for name, value in zip(dice.sample(names, 3), dice.sample(values, 3))}


def shown(value):
    """A value with its type: text as a string, a list as a list, null and truth values as they are, all else in an object."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"date": str(value)}
    if isinstance(value, list):
        return [shown(element) for element in value]
    return {"map": [[shown(key), shown(element)] for key, element in value.items()]}


def outcome(read, document, errors):
    """What `read` makes of a document: {"value": ...} or {"error": its words}, null where it is half a letter in the end."""
    try:
        value = shown(read(document))
        json.dumps(value, ensure_ascii=False).encode()
        return {"value": value}
    except UnicodeEncodeError:
        return {"error": None}
    except errors as error:
        return {"error": str(error)}


def of_json(dice, count):
    dumped = [[mapping, json.dumps(mapping, sort_keys=True, indent=4, separators=(",", ": "))] for mapping in mappings(dice, count // 4)]
    pieces = ['"', '"a"', '"b"', "1", "-", "0", "01", "1.5", "1e5", "-0", "-0.0", "1E400", "2.50", "1234567", "[", "]", "{", "}", ",", ":", " ",
              "\n", "\t", "null", "true", "false", "nul", "NaN", "Infinity", "-Infinity", "\\", '"\\n"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\u12"', '"\\q"', '"\t"',
              '"é', "é", "\ufeff", "'a'", '{"a": 1}', '{"a": "x", "a": "y"}', '["a", 1]', '"\\/\\b\\f\\r\\t\\"\\\\"', '{"a"', '{"a":', '{"a": 1,', "[1,", "[1 2]", "#"]
    documents = pieces + ["".join(dice.choice(pieces) for _ in range(dice.randrange(2, 8))) for _ in range(count)]
    # With one fault or none.
    for mapping in mappings(dice, count // 2):
        document = list(json.dumps({"a": [1, dice.random() * 10 ** dice.randrange(-9, 20), None, True, mapping]}))
        if dice.randrange(2):
            document[dice.randrange(len(document))] = dice.choice(["", *pieces])
        documents.append("".join(document))
    read = [[document, outcome(json.loads, document, ValueError)] for document in documents]
    values = [json.loads(document) for document, told in read if "value" in told]
    lines = [[document, json.dumps(value), json.dumps(value, sort_keys=True, indent=4, separators=(",", ": "))]
             for (document, _), value in zip([case for case in read if "value" in case[1]], values)]
    return {"texts": dumped, "read": read, "printed": lines}


def of_yaml(dice, count):
    written = []
    for mapping in mappings(dice, count):
        kept = yaml.safe_dump(mapping, default_flow_style=False, encoding="utf-8", allow_unicode=True).decode()
        escaped = yaml.dump(mapping, default_flow_style=False)
        # What PyYAML does not read back as it was: texts with NEL.
        lost = []
        for text in (kept, escaped):
            told = outcome(yaml.safe_load, text, yaml.YAMLError)
            lost.append(None if told == {"value": shown(dict(sorted(mapping.items())))} else told)
        written.append([mapping, kept, escaped, *lost])
    plain = [text for text in SPECIAL if text.isprintable()]
    numbers = "0123456789_:.-+eExXbTZ "
    plain += ["".join(dice.choice(numbers) for _ in range(dice.randrange(1, 9))) for _ in range(count // 2)]
    documents = ["a: " + text + "\n" for text in plain] + ["- " + text + "\n" for text in plain if not text.lstrip().startswith(":")] + [
        "", "# c\n", "a", "a: b\n---\nc: d\n", "---\na: b\n...\n", "%YAML 1.1\n---\na: b\n", "%YAML 2.0\n---\na: b\n",
        "a: b\na: c\n", "1: a\ntrue: b\n1.0: c\n", "null: a\n~: b\n", "? [a]\n: b\n", "? a\n: b\n", "a: &x b\nc: *x\n", "a: *x\n", "&x a: *x\n",
        "a: &x {b: c}\nd:\n  <<: *x\n  e: f\n", "x: &x {a: 1, b: 2}\ny: &y {a: 3}\nz:\n  <<: [*x, *y]\n  b: 4\n", "a:\n  <<: b\n", "'<<': b\n", "a: <<\n",
        "a: !!str 12\n", "a: !!int '12'\n", "a: !!float 1\n", "a: !!bool 'no'\n", "a: !!null ''\n", "a: !!binary aGk=\n", "a: !!binary |\n  aG\n  k=\n", "a: !!binary a\n",
        "a: !!timestamp '2001-12-14'\n", "a: ! 12\n", "a: !x b\n", "a: !!map {b: c}\n", "a: !!seq [b]\n", "a: !!str [b]\n", "a: !!python/none x\n",
        "a: |\n  b\n  c\n", "a: |-\n  b\n", "a: |+\n  b\n\n", "a: |2\n   b\n", "a: >\n  b\n  c\n\n  d\n", "a: >-\n  b\n   c\n", "a: |\n  b", "a: 'b\n  c\n\n  d'\n", 'a: "b\\\n  c\\x41\\u00e9\\/"\n',
        'a: "b\n  c"\n', "a: b\n  c\n", "a: b\n\n  c\n", "a: b: c\n", "a:\n- b\n- c\n", "a:\n  - b\n  -\n", "- - a\n  - b\n-\n  c: d\n", "a: {b: c, d, e: }\n", "[a, b: c, ]\n", "{a: b\n", "a: 'b\n",
        "a: @b\n", "a: `b\n", "a: %b\n", "a: b #c\n", "a: b#c\n", "a: b\r\nc: d\r\n", "a: b\rc: d\n", "\ufeffa: b\n", "a: 'it''s'\n", "a : b\n", '"a": b\n', '{"a":"b"}\n', "a: -\n", "a: - b\n",
        "a: 0600\nb: '0600'\nc: 0o600\n", "- source: t.j2\n  destination: y\n  mode: 0600\n", "a: 1:30\n", "a: \u2028b\n", "a: b\u2028c: d\n", "a: 'b\u2028  c'\n", "a: \"b\u2029\n  c\"\n", "a: b\x85c: d\n", "a: |\n  b\u2028  c\n",
    ]
    read = [[document, outcome(yaml.safe_load, document, (yaml.YAMLError, ValueError, TypeError, KeyError))] for document in documents]
    return {"written": written, "read": read}


def of_csv(dice, count):
    def dump(mapping, line_end):
        file = io.StringIO()
        writer = csv.writer(file, lineterminator=line_end)
        for pair in mapping.items():
            writer.writerow(pair)
        return file.getvalue()

    def load(document):
        rows = csv.DictReader(io.StringIO(document, newline=""), ["name", "value"])
        return [[row["name"], row["value"]] for row in rows]

    def dump_lines(mapping):
        """With LF at the ends of rows. Python 3.11 then leaves a bare CR unquoted and cannot read it back: later ones, and we, quote it."""
        rows = (dump({name: value}, "\r\n" if "\r" in name + value else "\n") for name, value in mapping.items())
        return "".join(row[:-2] + "\n" if row.endswith("\r\n") else row for row in rows)

    written = [[mapping, dump(mapping, "\r\n"), dump_lines(mapping)] for mapping in mappings(dice, count // 4)]
    pieces = ["a", "b", " ", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "\r", "é", "'", "\\"]
    documents = pieces + ["".join(dice.choice(pieces) for _ in range(dice.randrange(2, 14))) for _ in range(count)]
    return {"written": written, "read": [[document, outcome(load, document, csv.Error)] for document in documents]}


def of_dotenv(dice, count):
    def load(document):
        bindings = list(dotenv.parser.parse_stream(io.StringIO(document)))
        if any(binding.error or (binding.key is not None and binding.value is None) for binding in bindings):
            raise ValueError("a bad line")
        return [[binding.key, binding.value] for binding in bindings if binding.key is not None]

    pieces = ["a", "B", "=", "=", "'", '"', "\\", "\n", "\n", "\r\n", " ", "\t", "#", "export ", "export", "a=", "b='c'\n", 'd="e\\n"\n', "é", "\\n", "\\'", '\\"', "$x"]
    documents = ["".join(dice.choice(pieces) for _ in range(dice.randrange(1, 12))) for _ in range(count)]
    return {"read": [[document, outcome(load, document, ValueError)] for document in documents]}


def of_ini(dice, count):
    def setting(value):
        """As CredSmash takes it: text that begins with a line break is a map."""
        if not value.startswith("\n"):
            return value
        pairs = (line.split("=", 1) for line in value.splitlines() if line.strip())
        return {key.strip(): value.strip() for key, value in pairs}

    def load(document):
        parser = configparser.RawConfigParser()
        try:
            parser.read_file(io.StringIO(document, newline=None), "c.cfg")
        except configparser.MissingSectionHeaderError as error:
            # Without the line itself.
            raise ValueError(str(error).rsplit("\n", 1)[0]) from None
        except configparser.ParsingError as error:
            raise ValueError("Source contains parsing errors: 'c.cfg'" + "".join(f"\n\t[line {line:2d}]" for line, _ in error.errors)) from None
        except configparser.Error as error:
            raise ValueError(str(error)) from None
        return {section: {option: setting(parser.get(section, option)) for option in parser.options(section)} for section in parser.sections()}

    pieces = ["[a]\n", "[b]\n", "[DEFAULT]\n", "[a]", "[]", "[c]d]\n", "x=1\n", "y: 2\n", "X = 3\n", "z =\n", "  more\n", "  k = v\n", " \n", "\n", "# c\n", "  ; c\n", "=\n", "novalue\n",
              "\tt\n", "  [a]\n", "q=a=b:c # d\n", "é=ü\n", "w: a\r\n", "v=a\r", "x", " ", "=", ":"]
    documents = ["".join(["[s]\n"] * dice.choice([0, 1, 1]) + [dice.choice(pieces) for _ in range(dice.randrange(1, 9))]) for _ in range(count)]
    return {"read": [[document, outcome(load, document, ValueError)] for document in documents]}


def of_pattern(dice, count):
    letters = "ab.-]!^[*?\\&"
    patterns = ["*", "", "**", "a*", "*a", "a*b*a", "[ab]", "[!ab]", "[a-b]", "[b-a]", "[]", "[!]", "[]a]", "[!]a]", "[a", "[a-]", "[-a]", "[*]", "[?]", "[[]", "[a-b-c]", "[^a]", "[a--]", "[--a]", "app.*", "*/*"]
    patterns += ["".join(dice.choice(letters) for _ in range(dice.randrange(1, 9))) for _ in range(count // 2)]
    patterns += ["[" + "".join(dice.choice("abc-!]^&") for _ in range(dice.randrange(1, 7))) + "]" for _ in range(count // 2)]
    cases = []
    for pattern in patterns:
        for _ in range(4):
            name = "".join(dice.choice("ab.-]!^\n/c") for _ in range(dice.randrange(0, 5)))
            cases.append([pattern, name, fnmatch.fnmatchcase(name, pattern)])
        # One that is likely to fit.
        name = pattern.replace("*", "b").replace("?", "a")
        cases.append([pattern, name, fnmatch.fnmatchcase(name, pattern)])
    return {"fnmatch": cases}


KINDS = {"json": of_json, "yaml": of_yaml, "csv": of_csv, "dotenv": of_dotenv, "ini": of_ini, "pattern": of_pattern}


def main():
    seed, count, *folder = sys.argv[1:]
    made = {name: make(random.Random(f"{seed} {name}"), int(count)) for name, make in KINDS.items()}
    if not folder:
        print(json.dumps(made))
        return
    for name, cases in made.items():
        lists = ",\n".join(
            f' {json.dumps(key)}: [\n' + ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in list_) + "\n ]" for key, list_ in cases.items()
        )
        (pathlib.Path(folder[0]) / f"{name}.json").write_text("{\n" + lists + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
