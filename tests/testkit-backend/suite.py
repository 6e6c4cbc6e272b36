#!/usr/bin/env python3
"""Runs TestKit against the driver, on one adapter.

  TESTKIT_DIR=CHECKOUT suite.py [--runtime NAME] [--shards N] [--out FILE] [SELECTOR...]
  TESTKIT_DIR=CHECKOUT suite.py [--runtime NAME] [--out FILE] --neo4j VERSION

CHECKOUT is a checkout of TestKit with a virtual environment `venv` in it. A SELECTOR is `stub`, `tls`, or the dotted name of a
package, module, class or test (tests.stub.bookmarks). Without one, `stub` and `tls` run.

Each shard has a network and mount namespace of its own, with a backend of its own: the tests use fixed ports. That needs root.
`--shards 0` runs in the current namespace, and leaves its preparation to the caller (see README.md).

With --neo4j the tests for a real server run, in the current namespace. NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD say where it is
and VERSION what (5.26). The tests of values run under a name that is none of the drivers of the suite: it expects of `python` that
the zone UTC cannot be told from the offset 0.

FILE gets one line of JSON for each test. `results.py` makes a table of such files.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 9876
MARKER = "--in-shard"


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def find(selectors):
    """Returns the tests, each once."""
    loader, found = unittest.TestLoader(), {}
    for selector in selectors:
        selector = "tests.stub" if selector == "stub" else selector
        if selector == "tls":
            from tests.tls import suites
            tests = suites.tls_suite
        elif os.path.isdir(selector.replace(".", "/")):
            tests = loader.discover(selector.replace(".", "/"), top_level_dir=".")
        else:
            tests = loader.loadTestsFromName(selector)
        found.update((test.id(), test) for test in flatten(tests))
    return found


class Outcome(unittest.TestResult):
    """Notes for each test whether it passed, failed (or one of its sub tests did) or was skipped as a whole."""

    def __init__(self, out):
        super().__init__()
        self.buffer = True
        self.out = out

    def startTest(self, test):
        self.problems, self.reasons, self.begun = [], [], time.time()
        super().startTest(test)

    def addError(self, test, err):
        self.problems.append(self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addError(subtest, err)

    def addSkip(self, test, reason):
        # A skipped sub test is no skipped test.
        if not hasattr(test, "test_case"):
            self.reasons.append(reason)

    def stopTest(self, test):
        super().stopTest(test)
        status = "failed" if self.problems else "skipped" if self.reasons else "passed"
        record = {
            "id": test.id(),
            "status": status,
            "seconds": round(time.time() - self.begun, 3),
            "skips": self.reasons,
            "problems": [{"error": text[-8000:]} for text in self.problems],
        }
        with open(self.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def tolerate_new_features():
    """Leaves out features that an older checkout has no name for: it has no tests for them either."""
    from nutkit import protocol
    known = {feature.value for feature in protocol.Feature}
    original = protocol.FeatureList.__init__

    def init(self, features=None):
        original(self, [feature for feature in features or [] if feature in known])

    protocol.FeatureList.__init__ = init


def run_here(ids, out):
    """Runs tests against the backend that listens on PORT."""
    tolerate_new_features()
    tests, outcome = find(sorted({name.rsplit(".", 2)[0] for name in ids})), Outcome(out)
    for name in ids:
        tests[name](outcome)


def prepare_namespace(directory):
    """Makes what the tests expect of a machine, in a namespace that only this shard sees."""
    commands = ["ip link set lo up"]
    for i in (0, 1):
        # Some tests want addresses beside the loopback.
        commands += [f"ip link add tk{i} type bridge", f"ip addr add 10.234.{i}.1/24 dev tk{i}", f"ip link set tk{i} up"]
    hosts = os.path.join(directory, "hosts")
    with open(hosts, "w", encoding="utf-8") as file:
        for name in ("localhost", socket.gethostname(), "thehost", "thehostbutwrong"):
            file.write(f"127.0.0.1 {name}\n")
    commands.append(f"mount --bind {hosts} /etc/hosts")
    for command in commands:
        subprocess.run(command.split(), check=True)


def start_backend(command, log):
    checkout = os.getcwd()
    certificates = os.path.join(checkout, "tests/tls/certs/driver")
    environment = dict(
        os.environ,
        SSL_CERT_FILE=os.path.join(certificates, "trusted/trustedRoot.crt"),
        SSL_CERT_DIR="/nonexistent",
        TK_CUSTOM_CA_PATH=os.path.join(certificates, "custom"),
    )
    backend = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return backend
        if backend.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit("the backend does not listen")


def shard(directory, ids_file, out, runtime, prepared):
    if not prepared:
        prepare_namespace(directory)
    # Scripts are rewritten into files of fixed names in the temporary directory.
    os.environ["TMPDIR"] = tempfile.tempdir = directory
    with open(os.path.join(directory, "backend.log"), "w", encoding="utf-8") as log:
        backend = start_backend([os.environ["TESTKIT_BACKEND"], "--runtime", runtime, "--port", str(PORT)], log)
        try:
            with open(ids_file, encoding="utf-8") as file:
                run_here(file.read().split(), out)
        finally:
            backend.terminate()


def build():
    subprocess.run(["cargo", "build", "--quiet", "-p", "testkit-backend"], cwd=HERE, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=HERE, check=True, capture_output=True
    )
    return os.path.join(json.loads(metadata.stdout)["target_directory"], "debug", "testkit-backend")


def describe_server(version):
    """Tells the tests about the server that `cargo run -p servers` has started."""
    host, port = os.environ["NEO4J_URI"].split("://")[1].rsplit(":", 1)
    os.environ.update(
        TEST_NEO4J_SCHEME="bolt",
        TEST_NEO4J_HOST=host,
        TEST_NEO4J_PORT=port,
        TEST_NEO4J_USER=os.environ["NEO4J_USERNAME"],
        TEST_NEO4J_PASS=os.environ["NEO4J_PASSWORD"],
        TEST_NEO4J_VERSION=version,
        TEST_NEO4J_EDITION="community",
        TEST_NEO4J_CLUSTER="False",
    )


def run_all(selectors, driver_name, options, out):
    """Runs the tests in shards. Returns how many there are, and whether all shards came to their end."""
    os.environ["TEST_DRIVER_NAME"] = driver_name
    if driver_name != "python":
        # The tests of values compare releases as text, and take 2026 for one before 4.3.
        os.environ["TEST_NEO4J_VERSION"] = "5.26"
    python = "venv/bin/python"
    listed = subprocess.run([python, __file__, MARKER, "list", *selectors], check=True, capture_output=True, text=True)
    ids = listed.stdout.split()
    with tempfile.TemporaryDirectory() as directory:
        running = []
        for i in range(max(options.shards, 1)):
            own = os.path.join(directory, f"shard{i}")
            os.mkdir(own)
            ids_file = os.path.join(own, "ids")
            with open(ids_file, "w", encoding="utf-8") as file:
                file.write("\n".join(ids[i::max(options.shards, 1)]))
            isolate = ["unshare", "-n", "-m", "--propagation", "private"] if options.shards else []
            prepared = "" if options.shards else "prepared"
            command = [python, os.path.join(HERE, "suite.py"), MARKER, "run", own, ids_file, out, options.runtime, prepared]
            running.append(subprocess.Popen(isolate + command))
        failed = [process.wait() for process in running]
    return len(ids), not any(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", default="tokio", choices=("tokio", "async-std", "smol", "blocking"))
    parser.add_argument("--shards", type=int, default=3)
    parser.add_argument("--out", default="results.jsonl")
    parser.add_argument("--neo4j", metavar="VERSION")
    parser.add_argument("selectors", nargs="*", default=["stub", "tls"])
    options = parser.parse_args()
    out = os.path.abspath(options.out)
    open(out, "w", encoding="utf-8").close()
    checkout = os.environ.get("TESTKIT_DIR") or sys.exit("TESTKIT_DIR names no checkout of TestKit")
    os.environ.update(
        TESTKIT_BACKEND=build(),
        TEST_BACKEND_HOST="127.0.0.1",
        TEST_BACKEND_PORT=str(PORT),
        PYTHONPATH=checkout,
    )
    os.chdir(checkout)
    parts = [(options.selectors, "python")]
    if options.neo4j:
        options.shards = 0
        describe_server(options.neo4j)
        modules = sorted(name[:-3] for name in os.listdir("tests/neo4j") if name.startswith("test_"))
        parts = [([f"tests.neo4j.{name}" for name in modules], "python"), (["tests.neo4j.datatypes"], "rust")]
    ran = [run_all(selectors, name, options, out) for selectors, name in parts]
    with open(out, encoding="utf-8") as file:
        statuses = [json.loads(line)["status"] for line in file]
    print(", ".join(f"{statuses.count(status)} {status}" for status in ("passed", "failed", "skipped")))
    count = sum(count for count, _ in ran)
    if not all(ended for _, ended in ran) or len(statuses) != count:
        sys.exit(f"only {len(statuses)} of {count} tests ran")
    sys.exit(1 if "failed" in statuses else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == [MARKER]:
        sys.path.insert(0, os.getcwd())
        if sys.argv[2] == "list":
            print("\n".join(find(sys.argv[3:])))
        else:
            shard(*sys.argv[3:])
    else:
        main()
