"""Checks side by side: none of them can hold up, or bring down, the others."""

from __future__ import annotations

import sys
import threading
import time

from alref_local.doctor import Finding, examine
from alref_local.errors import PrerequisiteError


def well(name: str) -> Finding:
    return Finding(name, True, "all is well")


def test_every_fault_is_a_finding() -> None:
    """A single surprise would hide everything else that is wrong."""

    def ours() -> Finding:
        raise PrerequisiteError("A thing is missing.", hint="get it")

    def others() -> Finding:
        raise ZeroDivisionError("by\nzero")

    def leaves() -> Finding:
        sys.exit(4)

    checks = {"one": lambda: well("one"), "ours": ours, "others": others, "leaves": leaves}
    found = {finding.name: finding for finding in examine(checks, 10)}
    assert list(found) == list(checks)
    assert found["one"].ok
    assert found["ours"] == Finding("ours", False, "A thing is missing.", "get it")
    assert found["others"].said == "something unforeseen: ZeroDivisionError: by zero"
    assert "SystemExit" in found["leaves"].said
    assert not any(found[name].ok for name in ("ours", "others", "leaves"))


def test_they_do_not_wait_for_each_other() -> None:
    """A network that is down would take a minute for each check, or for ever."""
    forever = threading.Event()

    def hangs() -> Finding:
        forever.wait()
        return well("hangs")

    meeting = threading.Barrier(3, timeout=10)

    def meets(name: str) -> Finding:
        meeting.wait()
        return well(name)

    checks = {"hangs": hangs, **{name: lambda name=name: meets(name) for name in "abc"}}  # type: ignore[misc]
    begun = time.monotonic()
    found = examine(checks, 1.0)
    assert time.monotonic() - begun < 5
    assert [finding.ok for finding in found] == [False, True, True, True]
    assert found[0].said == "not done within 1 s"
    forever.set()
