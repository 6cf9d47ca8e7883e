"""Writes the committed schema of what an app may send, from Slack's official types.

Run it after package.json got a new version of `@slack/types`; npm brings the packages::

    python -m tests.interop.outgoing
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from .bolt import HERE, Node, NodeMissing, generate, install

GOLDEN = HERE.parent / "golden" / "slack_types"


async def outgoing(folder: Path) -> dict[str, Any]:
    """Return the schema, made with the packages that are installed in `folder`.

    It holds shapes only: no comments of the types, and no definition that nothing sent refers to.
    """
    shutil.copy(HERE / "sent.ts", folder / "sent.ts")
    await generate(folder, "sent.ts", "outgoing.json", "--jsDoc", "none")
    schema = json.loads((folder / "outgoing.json").read_text(encoding="utf-8"))
    definitions: dict[str, Any] = schema["definitions"]
    reached: set[str] = set()
    waiting = ["KnownBlock", "ModalView", "HomeView"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _referred(definitions[name])
    return {**schema, "definitions": {name: definitions[name] for name in sorted(reached)}}


def _referred(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _referred(item)]
    if not isinstance(value, dict):
        return []
    here = value.get("$ref")
    names = [here.removeprefix("#/definitions/")] if isinstance(here, str) else []
    return names + [name for item in value.values() for name in _referred(item)]


def text_of(schema: dict[str, Any]) -> str:
    """Return the schema as the file holds it: one definition a line."""
    lines = [
        f"    {json.dumps(name)}: {json.dumps(body, sort_keys=True)}"
        for name, body in schema["definitions"].items()
    ]
    head = json.dumps(schema["$schema"])
    return f'{{\n  "$schema": {head},\n  "definitions": {{\n' + ",\n".join(lines) + "\n  }\n}\n"


async def _write(folder: Path) -> None:
    await install(folder)
    text = text_of(await outgoing(folder))
    (GOLDEN / "outgoing.schema.json").write_text(text, encoding="utf-8")
    licence = folder / "node_modules" / "@slack" / "types" / "LICENSE"
    shutil.copy(licence, GOLDEN / "LICENSE")


if __name__ == "__main__":
    try:
        Node.find()
    except NodeMissing as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(prefix="signoff-interop-") as place:
        asyncio.run(_write(Path(place)))
