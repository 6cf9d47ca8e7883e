"""Paths: one reading or none, and nothing outside of a pattern's folder ever fits."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import PolicyError
from gate.policy.paths import PathGlob, normal_path, read_path

PARTS = st.sampled_from(
    ["a", "b", "..", ".", "", "src", "SRC", ".env", "x y", "~", "a.", "%2e", "é"]
)
PATHS = st.lists(PARTS, max_size=6).map("/".join)

FITS: list[tuple[str, str, bool | None]] = [
    # What is meant.
    ("src/**", "src/a.py", True),
    ("src/**", "src/a/b.py", True),
    ("src/**", "src", True),
    ("src/**", "./src//a/./b/", True),
    ("./src/**", "src/a", True),
    ("src/*", "src/a", True),
    ("src/*", "src/a/b", False),
    ("src/*.py", "src/a.py", True),
    ("src/?.py", "src/ab.py", False),
    ("**/x", "x", True),
    ("**/x", "a/b/x", True),
    ("a.b", "axb", False),
    ("/etc/**", "/etc/passwd", True),
    ("/etc/**", "///etc/passwd", True),
    ("../shared/**", "../shared/a", True),
    # Climbing out of the folder, and back into it over a name that may be a link.
    ("./src/**", "./src/../../etc/passwd", None),
    ("src/**", "src/a/../b", None),
    ("/srv/**", "/srv/../etc/passwd", None),
    ("/etc/**", "/tmp/../etc/passwd", None),
    ("src/**", "../src/a", None),
    ("/etc/**", "../../etc/passwd", None),
    # A name that only ends like the pattern.
    ("**/.env", "prod.env", False),
    ("**/.env", "a/prod.env", False),
    ("src/**", "srcs/a", False),
    ("/etc/**", "/etcetera/x", False),
    # Case, forms of letters, hidden letters.
    ("/etc/**", "/ETC/passwd", None),
    ("src/**", "src/\uff41", None),
    ("src/**", "src/e\u0301", None),
    ("**/.git/**", ".g\u200cit/config", None),
    # Separators, escapes and line ends of other systems.
    ("src/**", "src\\..\\..\\etc", None),
    ("src/**", "src/%2e%2e/%2e%2e/etc", None),
    ("src/**", "src/a\n", None),
    ("src/**", "src/a\x00.txt", None),
    # What a shell or a library would put in its place.
    ("src/**", "~/src/a", None),
    ("src/**", "./~x/a", None),
    ("src/**", "$HOME/a", None),
    ("/etc/**", "/etc/pass*", None),
    ("/etc/**", "/e?c/passwd", None),
    # Windows: drives, shares, endings that vanish, short names.
    ("src/**", "C:/src/a", None),
    ("/etc/**", "//etc/passwd", None),
    ("**/.env", "a/.env.", None),
    ("**/.env", "a/.env ", None),
    ("**/.env", "a/ENV~1", None),
    ("**/.env", "a/.env::$DATA", None),
    # Where relative paths begin is not known.
    ("secrets/**", "/srv/secrets/key", None),
    ("secrets/**", "/srv/public/key", False),
    ("/etc/**", "etc/passwd", False),
    ("src/**", "", None),
    ("src/**", "a" * 4097, None),
]


@pytest.mark.parametrize(("pattern", "path", "fits"), FITS)
def test_paths(pattern: str, path: str, fits: bool | None):
    """`True` only for one clear reading inside; what is unclear is never a plain no."""
    assert fits == PathGlob(pattern).fits(path)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("src/**", "src/a", True),
        ("src/**", "/srv/app/src/a", True),
        ("src/**", "/other/src/a", False),
        ("src/**", "../app/src/a", True),
        ("src/**", "../other/src/a", False),
        ("src/**", "../../../../../srv/app/src/a", True),
        ("/etc/**", "../../etc/passwd", True),
        ("/etc/**", "etc/passwd", False),
        ("**/.env", "a/.env", True),
        ("**/.env", "/other/.env", None),
        ("/**/.env", "a/.env", True),
        ("/**/.env", "/other/.env", True),
        ("src/**", "src/../x", None),
    ],
)
def test_paths_with_a_root(pattern: str, path: str, fits: bool | None):
    """With a root, relative and absolute are two spellings of one path."""
    assert fits == PathGlob(pattern, read_path("/srv/app")).fits(path)


@pytest.mark.parametrize("value", [None, 3, b"src/a", ["src/a"], {"path": "src/a"}])
def test_what_is_no_text(value: object):
    """A value of another type is never surely a path that fits, nor surely not one."""
    assert None is PathGlob("**").fits(value)


@pytest.mark.parametrize(
    "pattern",
    ["", "src/../etc", "/../x", "a**", "**b/c", "src\\*", "[ab]", "{a,b}/x", "!src", "~/x",
     "$HOME/**", "C:/x", "//host/x", "%2e", "a\nb", "x" * 501],
)  # fmt: skip
def test_patterns_that_cannot_be(pattern: str):
    """What other tools would read as something else is refused, not taken by the letter."""
    with pytest.raises(PolicyError):
        PathGlob(pattern)


@given(PATHS)
def test_normal_spelling_is_final(path: str):
    """The normal spelling of a normal spelling is itself."""
    normal = normal_path(path)
    if normal is not None:
        assert normal == normal_path(normal)


@given(PATHS)
def test_normal_spelling_names_the_same_file(path: str):
    """The normal spelling leads where the system's own rules lead."""
    normal = normal_path(path)
    if normal is not None:
        assert posixpath.normpath(path) == posixpath.normpath(normal)


@given(PATHS)
def test_nothing_outside_fits(path: str):
    """A path that surely fits lies inside, whatever way it is looked at."""
    if PathGlob("src/**").fits(path) is True:
        real = posixpath.normpath(posixpath.join("/work", path))
        assert real == "/work/src" or real.startswith("/work/src/")
        assert ".." not in path.split("/")


@given(PATHS)
def test_nothing_outside_of_a_root_fits(path: str):
    """The same with a root, for absolute paths and climbing ones too."""
    if PathGlob("src/**", read_path("/srv/app")).fits(path) is True:
        real = posixpath.normpath(posixpath.join("/srv/app", path))
        assert real == "/srv/app/src" or real.startswith("/srv/app/src/")


@given(PATHS, st.sampled_from(["**", "src/**", "a/*", "/a/**", "/**", "../a"]),
       st.sampled_from(["**", "src/a", "src/**", "a/b", "/a/b", "**/b", "../a"]),
       st.sampled_from([None, "/srv"]))  # fmt: skip
def test_covering_is_never_claimed_wrongly(path: str, wide: str, narrow: str, root: str | None):
    """Where one pattern covers another, what may fit the other at least may fit it."""
    base = None if root is None else read_path(root)
    one, other = PathGlob(wide, base), PathGlob(narrow, base)
    if one.covers(other):
        assert other.fits(path) is not True or one.fits(path) is True
        assert other.fits(path) is not None or one.fits(path) is not False
