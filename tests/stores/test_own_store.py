"""The example's store of three methods keeps the contract, and a gate works on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.own_store import SqliteStore, main
from stores.conformance import ApprovalStoreContract


class TestSqliteStore(ApprovalStoreContract):
    """Three methods, no capability."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> SqliteStore:
        return SqliteStore(tmp_path / "approvals.sqlite")


async def test_a_gate_works_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By polling, with its own clock, consuming by compare-and-set."""
    await main(tmp_path / "approvals.sqlite")
    assert "approved by cli:ana" in capsys.readouterr().out
