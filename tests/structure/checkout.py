"""The checkout as data: its files, its modules and what they import."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gate", "stores", "bot")


@dataclass(frozen=True)
class Import:
    """One imported name: `module` is absolute; `name` is `None` for a plain `import module`."""

    module: str
    name: str | None
    line: int

    @property
    def top(self) -> str:
        """The imported package."""
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """One source file of ours."""

    path: Path

    @property
    def relative(self) -> str:
        """The path below the checkout, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def name(self) -> str:
        """The dotted name; a package's own for its `__init__`."""
        return self.relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, filename=self.relative)

    def imports(self) -> Iterator[Import]:
        """Everything that it imports, wherever in the file, relative imports made absolute."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, None, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                for alias in node.names:
                    yield Import(module, alias.name, node.lineno)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        package = parts if self.path.name == "__init__.py" else parts[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file below *folders* of the checkout."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return tuple(Module(path) for path in sorted(found))


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = {ROOT / name for name in listed.split("\0") if name}
    return tuple(sorted(path for path in paths if path.is_file()))
