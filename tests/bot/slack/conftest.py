"""Owns what the tests of this folder share: the office, and judges of all that is drawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from inspect import isfunction
from typing import Any

import pytest

from bot.routing import RouteRule
from bot.slack import render

from . import drawn
from .office import RULE, Office, office


@pytest.fixture
def rule() -> RouteRule:
    """Return the operator's rule in the office; a module may have its own."""
    return RULE


@pytest.fixture
async def at(rule: RouteRule) -> AsyncIterator[Office]:
    async with office() as running:
        running.rule = rule
        yield running


@pytest.fixture(params=["http", "socket"])
async def any_at(request: pytest.FixtureRequest, rule: RouteRule) -> AsyncIterator[Office]:
    async with office(request.param) as running:
        running.rule = rule
        yield running


@pytest.fixture(autouse=True, scope="module")
def all_that_is_drawn_is_good(request: pytest.FixtureRequest) -> Iterator[None]:
    """Bind the test module's names for rendering to functions that judge what they return.

    Only the names of the test module: the product stays as it is, and what it draws by itself is
    judged where it arrives (`tests/support/emitted.py`).
    """
    names = vars(request.module)
    before = {name: value for name, value in names.items() if _draws(value)}
    for name, value in before.items():
        names[name] = drawn if value is render else drawn.checked(value)
    yield
    names.update(before)


def _draws(value: Any) -> bool:
    inside = isfunction(value) and value.__module__.startswith(f"{render.__name__}.")
    return inside or value is render
