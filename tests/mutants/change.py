"""Owns what a break is: one place in the code, changed so that a safety is gone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Break"]


@dataclass(frozen=True)
class Break:
    """One safety that is taken away by changing one place."""

    name: str
    """What the broken code does."""
    file: str
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """Files, or `file::test`: as few as show it."""

    def applied_to(self, text: str) -> str:
        """Return the file's *text* with the break in it.

        Raises:
            ValueError: `old` does not stand in it exactly once: the list is behind the code.
        """
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its text stands {found} times in {self.file}")
        return text.replace(self.old, self.new)
