"""Shell commands: only what a shell takes word for word can be known."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import PermissionTarget, PolicyError, shell_glob
from gate.policy.commands import plain_parts


def fits(command: object, *patterns: str, **options: bool) -> bool | None:
    target = PermissionTarget.tool("shell", {"command": command})
    return shell_glob(*patterns, **options)(target)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        # What is meant.
        ("git status", True),
        ("git  status", True),
        ("\tgit status ", True),
        ("git log --format=%H HEAD~1 -- src/a.py", True),
        ("git commit -m 'fix; then rest'", True),
        ('git commit -m "it\'s done"', True),
        ("'git' status", True),
        ("git", False),
        ("gitk --all", False),
        ("make test", False),
        # Separators, with and without spaces, and line breaks.
        ("git status; rm -rf /", None),
        ("git status;rm -rf /", None),
        ("git status && rm -rf /", None),
        ("git status || rm -rf /", None),
        ("git status | sh", None),
        ("git status & rm -rf /", None),
        ("git status\nrm -rf /", None),
        ("git status\n", None),
        ("git status\r\nrm -rf /", None),
        ("git status &", None),
        ("git status;", None),
        # Substitutions and expansions.
        ("git log `rm -rf /`", None),
        ("git log $(rm -rf /)", None),
        ('git log "$(rm -rf /)"', None),
        ("git log ${IFS}x", None),
        ("git log $HOME", None),
        ("git log ~", None),
        ("git log --dir=~/x", None),
        ("git add *", None),
        ("git add a?", None),
        ("git add [ab]", None),
        ("git add {a,b}", None),
        ("git log <(rm -rf /)", None),
        ("git log !!", None),
        # Redirections, comments, escapes, functions.
        ("git log > /etc/passwd", None),
        ("git log >> x", None),
        ("git log 2>&1", None),
        ("git hash-object < /etc/passwd", None),
        ("git log # rm", None),
        ("git\\ status", None),
        ("git() { rm -rf /; }", None),
        # Quotes that do not end, or hide what is inside.
        ("git 'status", None),
        ('git "status', None),
        ("git 'a\nb'", None),
        # Settings before the command, and nothing at all.
        ("GIT_PAGER=x git log", None),
        ("", None),
        ("  ", None),
        ("''", None),
        # What cannot be seen.
        ("git\u00a0status", None),
        ("git st\u200batus", None),
        ("git status\x00", None),
        ("git status\x1b[2K", None),
        # Near misses, and other places of the same program.
        ("GIT status", None),
        ("\uff47it status", None),
        ("/tmp/git status", None),
        # Programs that run another one.
        ("sudo git status", None),
        ("env git status", None),
        ("sh -c 'git status'", None),
        ("xargs git", None),
        ("/bin/sh -c x", None),
        # Not a text.
        (["git", "status"], None),
        (None, None),
        ("git " + "a" * 20_000, None),
    ],
)
def test_one_plain_command(command: object, expected: bool | None):
    """`git *` surely fits plain git commands only; what is unclear is never a plain no."""
    assert expected == fits(command, "git *")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git status", False),
        ("rm x", True),
        ("git status; rm x", None),
        ("git status && ls", False),
        ("ls | wc -l", False),
        ("/bin/rm x", None),
        ("sudo ls", None),
    ],
)
def test_what_a_rule_that_forbids_sees(command: str, expected: bool | None):
    """A forbidden command is seen among others, and harmless lists stay harmless."""
    assert expected == fits(command, "rm *")


def test_lists_where_they_are_wanted():
    """With `compound` a list fits if each of its commands does."""
    assert True is fits("git status && make test", "git *", "make *", compound=True)
    assert None is fits("git status && rm x", "git *", "make *", compound=True)
    assert None is fits("git status && make test", "git *", "make *")


def test_a_pattern_may_name_a_program_that_runs_others():
    """Whoever lists `sudo *` has said so."""
    assert True is fits("sudo ls", "sudo *")
    assert False is fits("sudo ls", "sudo reboot")


def test_quoted_words_are_no_other_words():
    """A word with a space in it is not two words."""
    assert False is fits("git 'status now'", "git status *")
    assert True is fits("git status now", "git status *")


@pytest.mark.parametrize(
    "pattern",
    ["", "git; ls", "git && ls", "git | ls", "git $x", "git `x`", "git > x", "git 'a b'", 'git "a"',
     "git\nls", "git \\x", "(git)", "git [ab]"],
)  # fmt: skip
def test_patterns_that_cannot_be(pattern: str):
    """A pattern that no plain command fits is a mistake."""
    with pytest.raises(PolicyError):
        shell_glob(pattern)


WORDS = st.lists(st.text("ab -'\"=,", min_size=1, max_size=5), min_size=1, max_size=4)


@given(WORDS)
def test_words_are_those_of_a_shell(words: list[str]):
    """Where a command is plain, its words are what a shell's own splitting gives."""
    command = " ".join(shlex.quote(word) for word in words)
    parts = plain_parts(command)
    if parts is not None:
        assert [words] == parts


def test_words_are_those_of_the_real_shell():
    """The system's shell passes on the words that were read."""
    command = "printf %s: a 'b c' \"d e\" f'g'h i=j k~l m#n"
    parts = plain_parts(command)
    assert parts is not None
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout == "".join(f"{word}:" for word in parts[0][2:])
