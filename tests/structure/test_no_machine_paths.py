"""The files fit every machine: they name no home folder and no host that packages come from."""

from __future__ import annotations

import re

from .checkout import ROOT, tracked

# Written in pieces, so that this file does not find itself.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"/ro" r"ot/",
            r"/ho" r"me/[a-z]",
            r"/Us" r"ers/[A-Za-z]",
            r"/work/" r"(main|shared)",
            r"https://fi" r"les\.",
            r"py" r"pi\.org",
            r"python" r"hosted",
            r"registry\.np" r"mjs",
            r"deb\.deb" r"ian\.org",
        )
    )
)


def test_no_file_names_a_machine():
    """No path of somebody's machine and no registry's host in any text file."""
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
            if FORBIDDEN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_pictures_are_small():
    """No file is larger than 300 kB."""
    large = {
        str(path.relative_to(ROOT)): path.stat().st_size
        for path in tracked()
        if path.stat().st_size > 300_000
    }
    assert large == {}
