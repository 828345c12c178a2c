"""The scorecard as a user runs it, over a few short scenarios."""

import json
import sys

from support.cli import seedmill

SMALL = ("--rows", "60", "--at-once", "16")


def test_a_kill_and_bad_requests_cost_no_row_and_at_most_the_window():
    done = seedmill("chaos", "--only", "kill,400", *SMALL, "--json")
    assert done.returncode == 0, done.stderr
    kill, refused = json.loads(done.stdout)
    assert (kill["made"], kill["lost"], kill["starts"]) == (60, 0, 2)
    assert kill["paidTwice"] <= kill["mayPayTwice"] == 16
    assert (refused["lost"], refused["paidTwice"]) == (0, 0)
    assert "SIGKILL at 55 %: 60 of 60 rows" in done.stderr


def test_a_peer_that_makes_nothing_is_told_and_does_not_change_the_exit_status():
    done = seedmill("chaos", "--only", "400", *SMALL, "--peer", f"curator={sys.executable}", "--limit-seconds", "60")
    assert done.returncode == 0, done.stderr
    assert "curator: HTTP 400 to 2 %: no word of its rows" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_options_are_one_error():
    for options, words in (
        (("--only", "kil"), "no scenario kil; there are kill, 400"),
        (("--peer", "curator=/nowhere/python"), "/nowhere/python is no Python"),
        (("--peer", "other"), "no peer 'other'"),
    ):
        done = seedmill("chaos", *options)
        assert done.returncode == 2
        assert words in " ".join(done.stderr.replace("│", " ").split())
