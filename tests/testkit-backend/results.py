#!/usr/bin/env python3
"""Writes RESULTS.md: the outcome of TestKit by folder and adapter.

  results.py NAME=FILE...

NAME is an adapter, FILE what `suite.py --out` wrote for it. The date and the commit are those of this moment.
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
    """Returns the last outcome of each test, since a failed test may have run a second time."""
    with open(path, encoding="utf-8") as file:
        return {record["id"]: record for record in map(json.loads, file)}


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


def main():
    runs = {name: read(path) for name, path in (argument.split("=", 1) for argument in sys.argv[1:])}
    if not runs:
        sys.exit(__doc__)
    table = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
    for name, records in runs.items():
        for record in records.values():
            for row in (folder(record["id"]), "**all**"):
                table[row][name][record["status"]] += 1
    lines = [
        "# Results of TestKit",
        "",
        f"Made by `results.py` on {datetime.date.today()} at commit {git('rev-parse', '--short', 'HEAD')}.",
        "Passed / failed / skipped.",
        "",
        "| folder | " + " | ".join(runs) + " |",
        "|---|" + "---:|" * len(runs),
    ]
    for row in sorted(table, key=lambda row: (row == "**all**", row == "tls", row)):
        lines.append(f"| {row} | " + " | ".join(short(table[row][name]) for name in runs) + " |")
    failed = collections.defaultdict(list)
    reasons = collections.Counter()
    for name, records in runs.items():
        for record in records.values():
            if record["status"] == "failed":
                failed[record["id"]].append(name)
            for reason in set(record["skips"]):
                reasons[reason] += 1
    lines += ["", "## Failed", ""]
    lines += [f"* `{test}`{among(names, runs)}" for test, names in sorted(failed.items())] or ["None."]
    lines += ["", "## Skipped, by reason", ""]
    lines += [f"* {count} × {reason}" for reason, count in reasons.most_common()] or ["None."]
    with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
