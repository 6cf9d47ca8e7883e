"""Who may import whom: bot → stores → gate, bot → gate, and never back."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import import_module

from .checkout import PACKAGES, Import, Module, modules

PURE = {
    "gate.approval", "gate.audit", "gate.canonical", "gate.errors", "gate.events", "gate.quorum",
    "gate.transitions", "bot.agentack", "bot.audit_story", "bot.masking", "bot.routing",
    "bot.bearing", "bot.schema.arguments", "bot.schema.copying", "bot.schema.words",
    "bot.secret_looks",
    "bot.slack.alphabets", "bot.slack.hosts", "bot.slack.ids",
    "bot.slack.limits", "bot.slack.text",
}  # fmt: skip
"""No clock, no I/O, no event loop, no randomness: time and ids are arguments."""
PURE_FOLDERS = ("bot.slack.render",)
IMPURE = {
    "aiohttp", "asyncio", "logging", "os", "pathlib", "random", "secrets", "slack_bolt",
    "slack_sdk", "socket", "structlog", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip

LATE_IMPORTS = {
    ("gate.loop.pydantic_ai_model", "pydantic_ai"),
    ("gate.keys", "cryptography"),
    ("gate.notary", "cryptography"),
    ("gate.testing.plugin", "pytest"),
}
"""Loaded when they are needed: `import gate` stays light, as test_packaging.py proves."""

PUBLIC_SUBMODULES = {
    "gate.loop", "gate.testing", "stores.conformance", "stores.embedded", "stores.memory",
}  # fmt: skip
"""Packages are imported by their own name; these are the only others that are public too."""

OPENS_STORES = {
    "bot.app", "bot.bucket_work", "bot.cli.approvals", "bot.cli.audit", "bot.cli.chains",
    "bot.cli.doctor", "bot.cli.keygen",
    "bot.cli.runs", "bot.demo.agent", "bot.demo.stage",
}  # fmt: skip
KNOWS_SLACK = ("bot.slack",)
"""Beside `bot.app`, which puts everything together."""


def _inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _say(module: Module, found: Import) -> str:
    what = found.module if found.name is None else f"{found.module}.{found.name}"
    return f"{module.relative}:{found.line} imports {what}"


def _all(*folders: str) -> Iterator[tuple[Module, Import]]:
    for module in modules(*folders):
        for found in module.imports():
            yield module, found


def test_the_gate_knows_nobody():
    """The gate imports the standard library, pydantic and structlog, and little else when asked."""
    allowed = {"gate", "pydantic", "pydantic_core", "structlog", *sys.stdlib_module_names}
    wrong = [
        _say(module, found)
        for module, found in _all("gate")
        if found.top not in allowed and (module.name, found.top) not in LATE_IMPORTS
    ]
    assert wrong == []


def test_the_stores_know_no_state_machine_and_no_slack():
    """The stores import public names of the gate, redis in one folder, and nothing of the bot."""
    wrong = [
        _say(module, found)
        for module, found in _all("stores")
        if found.top in {"bot", "slack_bolt", "slack_sdk", "aiohttp"}
        or _inside(found.module, "gate.transitions", "gate.quorum", "gate.records")
    ]
    assert wrong == []


def test_redis_is_known_in_one_folder():
    """Only `stores/redis` imports redis."""
    wrong = [
        _say(module, found)
        for module, found in _all(*PACKAGES)
        if found.top in {"redis", "valkey", "hiredis"} and not _inside(module.name, "stores.redis")
    ]
    assert wrong == []


def test_slack_is_known_in_one_folder():
    """Only `bot/slack` and the composition root import Slack's libraries."""
    wrong = [
        _say(module, found)
        for module, found in _all(*PACKAGES)
        if found.top in {"slack_bolt", "slack_sdk"}
        and module.name != "bot.app"
        and not _inside(module.name, *KNOWS_SLACK)
    ]
    assert wrong == []


def test_the_bot_opens_a_store_in_few_places():
    """Only the composition root, the command line and the demonstration open a store."""
    wrong = [
        _say(module, found)
        for module, found in _all("bot")
        if found.top == "stores" and module.name not in OPENS_STORES
    ]
    assert wrong == []


def test_the_slack_folder_holds_no_rules():
    """`bot/slack` knows neither stores nor the outbox nor the web application."""
    wrong = [
        _say(module, found)
        for module, found in _all("bot/slack")
        if _inside(found.module, "stores", "bot.notifier", "bot.story", "bot.web", "bot.settings")
    ]
    assert wrong == []


def test_the_web_folder_knows_no_slack_and_no_store():
    """`bot/web` serves what it is given."""
    wrong = [
        _say(module, found)
        for module, found in _all("bot/web")
        if _inside(found.module, "stores", "slack_bolt", "slack_sdk", "bot.slack", "bot.notifier")
    ]
    assert wrong == []


def test_the_sandbox_imports_nothing_of_ours():
    """The sandbox knows only Slack's wire, so that it cannot share our mistakes."""
    wrong = [
        _say(module, found)
        for module, found in _all("bot/sandbox")
        if found.top not in {"aiohttp", *sys.stdlib_module_names}
        and not _inside(found.module, "bot.sandbox")
    ]
    assert wrong == []


def test_pure_modules_touch_nothing():
    """The domain and the rendering import no clock, loop, file, log or randomness."""
    for name in PURE:
        assert any(module.name == name for module in modules(*PACKAGES)), f"{name} is gone"
    wrong = [
        _say(module, found)
        for module, found in _all(*PACKAGES)
        if (module.name in PURE or _inside(module.name, *PURE_FOLDERS)) and found.top in IMPURE
    ]
    assert wrong == []


def test_between_packages_only_public_names():
    """What one package takes from another stands in the other's `__all__`."""
    wrong = []
    for module, found in _all(*PACKAGES):
        if found.top not in PACKAGES or found.top == module.name.partition(".")[0]:
            continue
        public = found.module in {*PACKAGES, *PUBLIC_SUBMODULES}
        names = import_module(found.module).__all__ if public else ()
        if found.name is not None and found.name not in names:
            wrong.append(_say(module, found))
    assert wrong == []


def test_imports_inside_a_package_are_relative():
    """Nobody calls a package by its name from inside."""
    wrong = [
        f"{module.relative}:{node.lineno}"
        for module in modules(*PACKAGES)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and (node.module or "").partition(".")[0] == module.name.partition(".")[0]
    ]
    assert wrong == []
