#!/usr/bin/env python3
"""Writes RESULTS.md: the outcome of TestKit by folder and adapter.

  results.py [--commit COMMIT] NAME=FILE...

NAME is an adapter, FILE what `suite.py --out` wrote for it. Where NAME is SERVER/ADAPTER, FILE is that of `suite.py --neo4j`. The date is
today's, and the commit that of the files, or the present one.
"""
import collections
import datetime
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ("passed", "failed", "skipped")


def read(path):
    """Returns the last outcome of each test, since a failed test may have run a second time, and whether another one was before."""
    outcomes = {}
    with open(path, encoding="utf-8") as file:
        for record in map(json.loads, file):
            earlier = outcomes.get(record["id"])
            outcomes[record["id"]] = record
            record["second_try"] = earlier is not None and earlier["status"] != record["status"]
    return outcomes


def folder(name):
    parts = name.split(".")
    return "tls" if parts[1] == "tls" else parts[2]


def short(count):
    return " / ".join(str(count[status]) for status in ORDER)


def among(names, runs):
    """Names the adapters on which a test fails, unless those are all."""
    return "" if len(names) == len(runs) else ": " + ", ".join(names)


def git(*arguments):
    return subprocess.run(("git", *arguments), cwd=HERE, check=True, capture_output=True, text=True).stdout.strip()


def section(runs):
    """Returns the table of these runs, then what failed, then why tests were skipped."""
    table = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    failed, late = collections.defaultdict(list), collections.defaultdict(list)
    reasons = collections.Counter()
    for name, records in runs.items():
        for record in records.values():
            for row in (folder(record["id"]), "**all**"):
                table[row][name][record["status"]] += 1
            if record["status"] == "failed":
                failed[record["id"]].append(name)
            elif record["second_try"]:
                late[record["id"]].append(name)
            for reason in set(record["skips"]):
                reasons[reason] += 1
    lines = ["| folder | " + " | ".join(runs) + " |", "|---|" + "---:|" * len(runs)]
    for row in sorted(table, key=lambda row: (row == "**all**", row == "tls", row)):
        lines.append(f"| {row} | " + " | ".join(short(table[row][name]) for name in runs) + " |")
    lines += ["", "Failed:", ""]
    lines += [f"* `{test}`{among(names, runs)}" for test, names in sorted(failed.items())] or ["* none"]
    if late:
        lines += ["", "Passed at the second try, alone:", ""]
        lines += [f"* `{test}`{among(names, runs)}" for test, names in sorted(late.items())]
    lines += ["", "Skipped, by reason:", ""]
    return lines + ([f"* {count} × {reason}" for reason, count in reasons.most_common()] or ["* none"])


def main():
    arguments, commit = sys.argv[1:], git("rev-parse", "--short", "HEAD")
    if arguments[:1] == ["--commit"]:
        commit, arguments = arguments[1], arguments[2:]
    runs = {name: read(path) for name, path in (argument.split("=", 1) for argument in arguments)}
    if not runs:
        sys.exit(__doc__)
    scripted = {name: records for name, records in runs.items() if "/" not in name}
    real = {name: records for name, records in runs.items() if "/" in name}
    lines = [
        "# Results of TestKit",
        "",
        f"Made by `results.py` on {datetime.date.today()} at commit {commit}.",
        "Passed / failed / skipped. The [README](README.md) has the reason for each test that fails.",
    ]
    for title, part in (("Scripted servers", scripted), ("Real servers", real)):
        if part:
            lines += ["", f"## {title}", "", *section(part)]
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
