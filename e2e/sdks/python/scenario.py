"""Scenarios, each a function, run in turn and reported as JSON.

One line goes to standard output for each: {"name": ..., "ok": ..., "seen": ...}.
The Go test that started the program makes a subtest of every line.
"""

import json
import sys
import traceback

_scenarios = []


class Wrong(Exception):
    """The result is not the expected one."""


def scenario(name):
    """Registers the decorated function under a name, a sentence."""

    def add(function):
        _scenarios.append((name, function))
        return function

    return add


def need(condition, *seen):
    """Fails the scenario with what was seen unless the condition holds."""
    if not condition:
        raise Wrong(" ".join(map(repr, seen)))


def raises(kind, call, *args, **more):
    """Returns the exception that the call raises, which must be of the kind."""
    try:
        result = call(*args, **more)
    except kind as e:
        return e
    raise Wrong(f"no {kind.__name__}, but {result!r}")


def run():
    """Runs every scenario. The exit status is 0 if all could be reported."""
    for name, function in _scenarios:
        ok, seen = True, ""
        try:
            seen = function() or ""
        except Wrong as e:
            ok, seen = False, f"{e}\n{traceback.format_exc(limit=-2)}"
        except Exception:  # whatever a user of the SDK would meet
            ok, seen = False, traceback.format_exc(limit=-6)
        print(json.dumps({"name": name, "ok": ok, "seen": str(seen)}), flush=True)
    sys.exit(0)
