"""Owns the three answers of a matcher: it fits, it does not, it cannot be told; and their logic.

`None` is "cannot be told": a path that climbs, a command with a substitution, an address in a
spelling that programs read in different ways. Whoever evaluates a rule takes the stricter of both
readings, so that what is unclear is never a way round a rule.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Fit", "all_fit", "any_fit"]

Fit = bool | None
"""`True`: it fits. `False`: it does not. `None`: it may."""


def all_fit(fits: Iterable[Fit]) -> Fit:
    """Return `False` if any is, else `None` if any is, else `True`."""
    unsure = False
    for fit in fits:
        if fit is False:
            return False
        unsure = unsure or fit is None
    return None if unsure else True


def any_fit(fits: Iterable[Fit]) -> Fit:
    """Return `True` if any is, else `None` if any is, else `False`."""
    unsure = False
    for fit in fits:
        if fit is True:
            return True
        unsure = unsure or fit is None
    return None if unsure else False
