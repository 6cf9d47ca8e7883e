"""The code blocks of the documents, and how a block of Python is run."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checkout import ROOT

_FENCE = re.compile(
    r"(?:^<!-- answer: (?P<answer>\w+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `answer` is what the scripted person says to requests in it."""

    page: Path
    line: int
    language: str
    text: str
    answer: str

    @property
    def where(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_test(self) -> bool:
        """Whether it is for pytest."""
        return re.search(r"^(async )?(def test_|class Test)", self.text, re.MULTILINE) is not None


def pages() -> tuple[Path, ...]:
    """Every document that people read, but the changes and the licence."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return (*top, *sorted((ROOT / "docs").rglob("*.md")))


@functools.cache
def blocks(page: Path, *languages: str) -> tuple[Block, ...]:
    """The blocks of one page, of all languages by default."""
    return tuple(block for block in _blocks(page) if not languages or block.language in languages)


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent = found["indent"]
        lines = [line.removeprefix(indent) for line in found["text"].splitlines(keepends=True)]
        line = text.count("\n", 0, found.start("language")) + 1
        answer = found["answer"] or "approve"
        yield Block(page, line, found["language"], "".join(lines), answer)


def definitions(text: str) -> str:
    """The imports, plain functions and classes of a block: what a test file may take from it."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = compile(text, "block", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    kept = [
        node
        for node in tree.body
        if isinstance(node, kinds) and not getattr(node, "decorator_list", ())
    ]
    return "\n".join(ast.unparse(node) for node in kept) + "\n"


async def run(block: Block, names: dict[str, Any]) -> None:
    """Run a block with *names*, which it may add to. Where it awaits, it does so on this loop."""
    padded = "\n" * block.line + block.text
    code = compile(
        padded,
        str(block.page),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    if code.co_flags & inspect.CO_COROUTINE:
        await eval(code, names)
    else:
        # A block that brings a loop of its own, or none.
        await asyncio.to_thread(exec, code, names)
