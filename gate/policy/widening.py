"""Owns the comparison of two policies: whether the new one may let through more than the old. Pure.

It is judged by the rules' form, and in doubt it says yes. A policy is shown to let through no more
if, compared with the old one,

- every old rule that denies is still there, still denies, and is as wide as it was or wider;
- every old rule that asks is still there, and asks for the same or denies as much or more;
- every new rule that allows allowed before, and is as narrow as it was or narrower;
- every new rule that asks allowed or asked before, and asks for the same, or for less of what was
  allowed;
- what stayed is in the same order.

Rules that deny may be added anywhere, rules that allow may be left out. Rules are recognised by
their names, unnamed ones by what they say.
"""

from __future__ import annotations

from collections import Counter

from .permission import PermissionPolicy
from .rules import Effect, Rule, covers

__all__ = ["widening"]


def widening(old: PermissionPolicy, new: PermissionPolicy) -> str | None:
    """Return why *new* may let through more than *old*, or `None` if it is shown that it does not.

    The sentence names a rule and holds nothing else of the policies.
    """
    before = {
        key: (place, rule)
        for place, (key, rule) in enumerate(zip(_keys(old), old.rules, strict=True))
    }
    kept: set[str] = set()
    last = -1
    for key, rule in zip(_keys(new), new.rules, strict=True):
        place, was = before.get(key, (None, None))
        if rule.effect is Effect.DENY and (was is None or was.effect is Effect.ALLOW):
            continue
        if was is None or place is None:
            return f"{_called(rule)} is new and {rule.effect}s"
        wider = _wider(was, rule)
        if wider is not None:
            return wider
        if place < last:
            return f"{_called(rule)} has another place in the order"
        last = place
        kept.add(key)
    for key, (_, was) in before.items():
        if was.effect is not Effect.ALLOW and key not in kept:
            return f"{_called(was)} is gone"
    return None


def _wider(was: Rule, rule: Rule) -> str | None:
    """Say what is wrong with what became of one rule; a new deny of what was allowed is none."""
    strength = [Effect.ALLOW, Effect.ASK, Effect.DENY]
    if strength.index(Effect(rule.effect)) < strength.index(Effect(was.effect)):
        return f"{_called(rule)} did {was.effect}, and would {rule.effect}"
    if was.effect is not Effect.ALLOW and not covers(rule, was):
        return f"{_called(rule)} would {rule.effect} for less"
    if rule.effect is not Effect.DENY and not covers(was, rule):
        return f"{_called(rule)} would {rule.effect} for more"
    return None


def _keys(policy: PermissionPolicy) -> list[str]:
    """Return what each rule is recognised by; equal unnamed ones are counted."""
    seen: Counter[str] = Counter()
    keys = []
    for rule in policy.rules:
        said = f"name {rule.name}" if rule.name is not None else repr(rule.spec)
        seen[said] += 1
        keys.append(f"{said} {seen[said]}")
    return keys


def _called(rule: Rule) -> str:
    return "an unnamed rule" if rule.name is None else f"rule {rule.name!r}"
