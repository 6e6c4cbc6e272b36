"""Writes all the time by the Python driver, as `load.rs` does by this one. Needs `pip install neo4j`.

usage: writer.py URI USER BY CALLERS REST

NEO4J_PASSWORD is the password. Prints a line of JSON for each write, until standard input ends: its id, its caller, when
it started and ended, what was learned, and the server's address or the error.
"""

import json
import os
import sys
import threading
import time

import neo4j
from neo4j.exceptions import IncompleteCommit

CREATE = "CREATE (:Cluster {by: $by, id: $id})"


def by_function(driver, parameters):
    def work(tx):
        return tx.run(CREATE, parameters).consume()

    with driver.session() as session:
        return session.execute_write(work)


def by_execute_query(driver, parameters):
    # The servers are no real cluster: none knows the bookmarks of another.
    return driver.execute_query(CREATE, parameters, bookmark_manager_=None).summary


def write(driver, by, number):
    parameters = {"by": by, "id": number}
    started = time.time()
    try:
        call = by_execute_query if number % 2 == 0 else by_function
        host, port = call(driver, parameters).server.address[:2]
        learned, text = "committed", f"{host}:{port}"
    except IncompleteCommit as error:
        learned, text = "unknown", str(error)
    except Exception as error:  # every failure is reported
        learned, text = "failed", f"{type(error).__name__}: {error}"
    return started, time.time(), learned, text


def main():
    uri, user, by, callers, rest = sys.argv[1:]
    ended = threading.Event()
    printing = threading.Lock()

    def write_all(driver, caller):
        number = caller * 1_000_000
        while not ended.is_set():
            started, stopped, learned, text = write(driver, by, number)
            line = json.dumps([number, caller, started, stopped, learned, text])
            with printing:
                print(line)
            number += 1
            time.sleep(float(rest))

    auth = (user, os.environ["NEO4J_PASSWORD"])
    with neo4j.GraphDatabase.driver(uri, auth=auth) as driver:
        threads = [
            threading.Thread(target=write_all, args=(driver, caller))
            for caller in range(int(callers))
        ]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        ended.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
