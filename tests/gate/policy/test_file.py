"""A policy in a file: whatever becomes of the file, nobody gets more rights by it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from gate import PermissionTarget, PolicyError, PolicyFile, read_policy_file

CALL = PermissionTarget.tool("deploy", {})


def write(path: Path, *rules: str, number: int = 1) -> None:
    text = [f"version = {number}"]
    for name, rule in zip("abcdef", rules, strict=False):
        effect, _, tool = rule.partition(" ")
        text.append(f'[[rules]]\nname = "{name}"\neffect = "{effect}"\ntool = "{tool}"')
    path.write_text("\n".join([*text, "[end]", f"rules = {len(rules)}"]) + "\n")
    path.chmod(0o644)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    write(path, "ask deploy", "allow read")
    return path


def effects(file: PolicyFile) -> list[str]:
    targets = [PermissionTarget.tool(tool) for tool in ("deploy", "read", "other")]
    return [file.check("agent", target).effect.value for target in targets]


def test_before_it_is_read(path: Path):
    """Until a file was taken everything is denied."""
    file = PolicyFile(path)
    assert ["deny"] * 3 == effects(file)
    assert None is file.number
    assert file.reload() is file.policy
    assert (["ask", "allow", "deny"], 1) == (effects(file), file.number)


@pytest.mark.parametrize(
    "broken",
    ["", "version = ", "version = 2\n[[rules]]\nname = 'a'\neffect = 'allow'\ntool = '*'\n",
     "version = 2\nrules = []\nextra = 1\n[end]\nrules = 0\n", "x" * 300_000],
)  # fmt: skip
def test_a_broken_file(path: Path, broken: str, caplog: pytest.LogCaptureFixture):
    """The old policy stays, at the start the one that denies everything; it is loud."""
    file, fresh = PolicyFile(path), PolicyFile(path)
    file.reload()
    path.write_text(broken)
    for each, expected in ((file, ["ask", "allow", "deny"]), (fresh, ["deny"] * 3)):
        with caplog.at_level(logging.INFO), pytest.raises(PolicyError):
            each.reload()
        assert (expected, 1) == (effects(each), each.refused)
    assert "policy.refused" in caplog.text


def test_no_regular_file(path: Path, tmp_path: Path):
    """A folder, a pipe, a device, nothing at all: an error, at once."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "none", Path("a\0b")):
        with pytest.raises(PolicyError):
            read_policy_file(place)


def test_a_file_that_anybody_may_write(path: Path):
    """Whoever wants more rights could write them."""
    path.chmod(0o666)
    with pytest.raises(PolicyError, match="may write"):
        read_policy_file(path)


def test_a_link_that_is_led_elsewhere(path: Path, tmp_path: Path):
    """A link may stand for the file; what it leads to then is compared like any change."""
    link, other = tmp_path / "link.toml", tmp_path / "other.toml"
    link.symlink_to(path)
    file = PolicyFile(link)
    file.reload()
    write(other, "allow deploy", "allow read")
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(PolicyError):
        file.reload()
    assert ["ask", "allow", "deny"] == effects(file)


def test_a_stricter_file_is_taken(path: Path):
    """Less may be allowed at any time."""
    file = PolicyFile(path)
    file.reload()
    write(path, "deny deploy", "ask read")
    file.reload()
    assert ["deny", "ask", "deny"] == effects(file)


@pytest.mark.parametrize(
    "rules",
    [["allow deploy", "allow read"], ["ask deploy", "allow *"],
     ["ask deploy", "allow read", "ask x"], ["ask other", "allow read"], ["allow read"]],
)  # fmt: skip
def test_a_wider_file_must_say_so(path: Path, rules: list[str]):
    """More is allowed only with a higher number; else the old policy stays."""
    file = PolicyFile(path)
    file.reload()
    write(path, *rules)
    with pytest.raises(PolicyError, match="raise version above 1"):
        file.reload()
    assert (["ask", "allow", "deny"], 1) == (effects(file), file.number)
    write(path, *rules, number=2)
    file.reload()
    assert 2 == file.number
    assert effects(file) == [
        file.policy.check_tool(tool).effect.value for tool in ("deploy", "read", "other")
    ]


def test_an_older_file(path: Path):
    """A file that was put back is not taken, however strict."""
    write(path, "ask deploy", number=5)
    file = PolicyFile(path)
    file.reload()
    write(path, "deny deploy", number=4)
    with pytest.raises(PolicyError, match="older"):
        file.reload()
    assert 5 == file.number


def test_the_lowest_number_at_the_start(path: Path):
    """A process that was started again can be told which number it must not go below."""
    file = PolicyFile(path, at_least=2)
    with pytest.raises(PolicyError, match="older"):
        file.reload()
    assert ["deny"] * 3 == effects(file)
    write(path, "allow deploy", number=2)
    file.reload()
    assert ("allow", 2) == (effects(file)[0], file.number)


def test_the_same_file_again(path: Path, caplog: pytest.LogCaptureFixture):
    """Reading what is in force already is no event."""
    file = PolicyFile(path)
    with caplog.at_level(logging.INFO):
        file.reload()
        file.reload()
    assert 1 == caplog.text.count("policy.taken")


def test_the_log_holds_no_rules(path: Path, caplog: pytest.LogCaptureFixture):
    """Which tools there are, and why somebody is asked, is nobody else's business."""
    text = path.read_text().replace('tool = "read"', 'tool = "hunter2"')
    path.write_text(text)
    with caplog.at_level(logging.DEBUG):
        PolicyFile(path).reload()
    assert "hunter2" not in caplog.text
