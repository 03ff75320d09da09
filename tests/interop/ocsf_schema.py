# SPDX-License-Identifier: Apache-2.0
"""Hold a file of records against OCSF's schemas; prints TAP."""

import copy
import json
import sys

from jsonschema import Draft7Validator

LINE_MAX = 16384
SCHEMAS = {
    3002: "tests/interop/ocsf/authentication.schema.json",
    6002: "tests/interop/ocsf/application_lifecycle.schema.json",
}

count = 0
failed = False


def check(what, problems):
    global count, failed
    count += 1
    print(f"{'not ok' if problems else 'ok'} {count} - {what}")
    for problem in problems[:5]:
        print(f"# {problem}")
    failed = failed or bool(problems)


def unique(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"duplicate key in {[key for key, _ in pairs]}")
    return dict(pairs)


def parse(line):
    return json.loads(line.decode("utf-8"), object_pairs_hook=unique)


def line_problem(line):
    if len(line) > LINE_MAX:
        return f"{len(line)} bytes"
    raw = [c for c in line.decode("utf-8") if c < " " or "\x7f" <= c <= "\x9f"]
    return f"raw control characters {raw}" if raw else None


def broken(record):
    """The record, broken in one way each."""
    for key, value in (("surprise", 1), ("type_uid", 300299 + 1),
                       ("time_dt", "yesterday"), ("severity_id", 7),
                       ("user", {}), ("class_uid", 3001),
                       ("certificate", {"issuer": "x"}),
                       ("src_endpoint", {"ip": "not an address"})):
        bad = copy.deepcopy(record)
        bad[key] = value
        yield f"{key} = {value!r}", bad
    for key in ("user", "metadata", "time", "activity_id"):
        bad = copy.deepcopy(record)
        del bad[key]
        yield f"no {key}", bad
    bad = copy.deepcopy(record)
    bad["metadata"]["surprise"] = 1
    yield "metadata.surprise", bad


validators = {}
for uid, path in SCHEMAS.items():
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    Draft7Validator.check_schema(schema)
    validators[uid] = Draft7Validator(schema)

with open(sys.argv[1], "rb") as file:
    lines = file.read().split(b"\n")
check("the last line ends with LF", [] if lines.pop() == b"" else ["no LF"])
check("no line is over 16 KiB or holds a raw control character",
      [p for p in map(line_problem, lines) if p])
records = [parse(line) for line in lines]

for uid in SCHEMAS:
    found = [r for r in records if r["class_uid"] == uid]
    check(f"there are records of class {uid}", [] if found else ["none"])

invalid = []
for record in records:
    for error in validators[record["class_uid"]].iter_errors(record):
        invalid.append(f"{record['metadata']['event_code']}: "
                       f"{list(error.path)}: {error.message[:300]}")
check(f"all {len(records)} records are valid", invalid)

check("their order is their sequence",
      [i for i, r in enumerate(records) if r["metadata"]["sequence"] != i])
check("some record is cut, and says so", []
      if any(r["metadata"].get("is_truncated") for r in records) else ["none"])

first = records[0]
check("the first record is valid and whole",
      [e.message for e in validators[3002].iter_errors(first)])
for what, record in broken(first):
    check(f"rejected: {what}",
          ["accepted"] if validators[3002].is_valid(record) else [])

print(f"1..{count}")
sys.exit(1 if failed else 0)
