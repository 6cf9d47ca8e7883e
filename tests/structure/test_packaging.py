"""The wheel, installed into a clean environment, is whole and says no more than it should."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from .checkout import PACKAGES, ROOT, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as for a release."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and sees the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    _run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", "--disable-pip-version-check", wheel,
    )  # fmt: skip
    [site] = folder.glob("lib/python*/site-packages")
    # Only a path, so that this environment's own .pth files, the checkout's among them, stay out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_holds_three_packages(wheel: Path):
    """Exactly gate, stores and bot, beside the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_every_file(wheel: Path):
    """Scripts, page, type markers: what git knows of the packages is in the wheel."""
    known = {path.relative_to(ROOT).as_posix() for path in tracked()}
    ours = {name for name in known if name.partition("/")[0] in PACKAGES}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == ours
    assert {f"{package}/py.typed" for package in PACKAGES} <= held
    for ending in (".lua", ".html", ".js", ".css"):
        assert any(name.endswith(ending) for name in held), ending


def test_the_command_runs_from_anywhere(python: Path, tmp_path: Path):
    """`signoff --version` works outside the checkout, from the installed files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = _run(python.parent / "signoff", "--version", folder=tmp_path)
    assert told.strip() == f"signoff, version {project['version']}"
    where = "import bot, gate, stores; print(bot.__file__, gate.__file__, stores.__file__)"
    told = _run(python, "-c", where, folder=tmp_path)
    assert [str(python.parent.parent) in path for path in told.split()] == [True] * 3


def test_the_gate_loads_little(python: Path, tmp_path: Path):
    """All of the gate loads pydantic (and what that loads); no client, no server, no structlog."""
    loaded = _run(
        python, "-c", "from gate import *; import sys; print(*sorted(sys.modules))", folder=tmp_path
    ).split()
    tops = {name.partition(".")[0] for name in loaded}
    heavy = {"redis", "valkey", "aiohttp", "slack_sdk", "slack_bolt", "click", "pytest"}
    heavy |= {"structlog", "cryptography"}
    assert tops & (heavy | {"stores", "bot"}) == set()


def test_the_fixture_is_registered(python: Path, tmp_path: Path):
    """The test runner finds `scripted_approver` by itself where signoff is installed."""
    (tmp_path / "test_it.py").write_text(
        "def test_it(scripted_approver):\n    assert scripted_approver.asked == []\n"
    )
    told = _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)
    assert "1 passed" in told


def test_every_pinned_version_is_exact():
    """The constraints name exact versions, and every direct requirement is among them."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert [line for line in pinned if line.count("==") != 1 or " " in line] == []
    names = {_plain(line.partition("==")[0]) for line in pinned}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
    ]
    wanted = {_plain(line.partition(">=")[0].partition("[")[0]) for line in asked}
    assert wanted - names == set()


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _run(*command: str | Path, folder: Path = ROOT) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
