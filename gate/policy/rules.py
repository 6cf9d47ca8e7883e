"""Owns the rule: who, what, how, and what follows; and which rules say more than others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from ..approval import check_id
from ..errors import InvalidId, PolicyError
from .fit import Fit, all_fit, any_fit
from .globs import NameGlob
from .selectors import Matcher, Selector, code_name
from .target import PermissionTarget

__all__ = ["Effect", "Rule", "covers", "pieces"]

MAX_REASON: Final = 500
"""Characters of a rule's reason."""

_Globs = tuple[NameGlob, ...] | None


class Effect(StrEnum):
    """What follows from a rule, strictest last."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. A selector that is left out fits everything.

    Attributes:
        effect: `allow`, `ask` or `deny`.
        source: Who wants it: patterns with `*` and `?`, one of which must fit.
        target: What is wanted: matchers, all of which must fit. One that raises, or returns
            anything but `True` and `False`, cannot tell.
        action: What is to be done with it: patterns.
        reason: Why, in the operator's words: at most 500 characters. People see it on the card.
        name: Unique in a policy; an id.

    Raises:
        PolicyError: Something of it cannot be.
    """

    effect: Effect | str
    source: str | Sequence[str] | None = None
    target: Matcher | Sequence[Matcher] | None = None
    action: str | Sequence[str] | None = None
    reason: str | None = None
    name: str | None = None
    _sources: _Globs = field(init=False, repr=False, compare=False, default=None)
    _actions: _Globs = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        try:
            effect = Effect(self.effect)
        except ValueError:
            raise PolicyError("an effect is allow, ask or deny", key="effect") from None
        given = self.target
        targets: tuple[Matcher, ...] = ()
        if given is not None:
            targets = (given,) if callable(given) else tuple(given)
            if not targets or not all(callable(each) for each in targets):
                raise PolicyError("a target is a function, or a list of them", key="target")
        for part, value in (
            ("effect", effect),
            ("source", _patterns(self.source, key="source")),
            ("action", _patterns(self.action, key="action")),
            ("target", targets),
        ):
            object.__setattr__(self, part, value)
        object.__setattr__(self, "_sources", _globs(self.source))
        object.__setattr__(self, "_actions", _globs(self.action))
        _check_words(self.name, self.reason)

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The target's matchers; none fit everything."""
        assert isinstance(self.target, tuple)  # noqa: S101  (made so when it was built)
        return self.target

    def fits(self, source: object, target: PermissionTarget, action: object) -> Fit:
        """Say whether the rule is for this; `None` where that cannot be told."""
        return all_fit(
            (
                _fits_text(self._sources, source),
                _fits_text(self._actions, action),
                *(_asked(matcher, target) for matcher in self.matchers),
            )
        )

    @property
    def spec(self) -> list[Any]:
        """What the rule says, as JSON."""
        said = [
            matcher.spec if isinstance(matcher, Selector) else code_name(matcher)
            for matcher in self.matchers
        ]
        lists = [None if each is None else list(each) for each in (self.source, self.action)]
        return [self.name, str(self.effect), *lists, said, self.reason]


def covers(wide: Rule, narrow: Rule) -> bool:
    """Say whether whatever *narrow* is for, *wide* is for too; effects aside.

    True only where that can be shown: what surely fits *narrow* surely fits *wide*, and what may
    fit *narrow* at least may fit *wide*.
    """
    return (
        _covers_text(wide._sources, narrow._sources)
        and _covers_text(wide._actions, narrow._actions)
        and all(
            any(_covers_matcher(mine, theirs) for theirs in narrow.matchers)
            for mine in wide.matchers
        )
    )


def pieces(rule: Rule) -> list[Rule]:
    """Return *rule* cut along each of its lists: each piece has one pattern of one list."""
    cut: list[Rule] = []
    if rule.source is not None and len(rule.source) > 1:
        cut.extend(replace(rule, source=pattern) for pattern in rule.source)
    if rule.action is not None and len(rule.action) > 1:
        cut.extend(replace(rule, action=pattern) for pattern in rule.action)
    for place, matcher in enumerate(rule.matchers):
        parts = matcher.pieces() if isinstance(matcher, Selector) else []
        if len(parts) > 1:
            before, after = rule.matchers[:place], rule.matchers[place + 1 :]
            cut.extend(replace(rule, target=(*before, part, *after)) for part in parts)
    return [replace(piece, target=piece.target or None) for piece in cut]


def _asked(matcher: Matcher, target: PermissionTarget) -> Fit:
    """Ask a matcher; whatever is no clear answer cannot be told."""
    try:
        fit = matcher(target)
    except Exception:  # noqa: BLE001  (whatever a developer's function raises, it has not said no)
        return None
    return fit if fit is True or fit is False else None


def _patterns(given: str | Sequence[str] | None, *, key: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    patterns = (given,) if isinstance(given, str) else tuple(given)
    if not patterns:
        raise PolicyError("a list of patterns is empty", key=key)
    return patterns


def _globs(patterns: str | Sequence[str] | None) -> _Globs:
    return None if patterns is None else tuple(NameGlob(pattern) for pattern in patterns)


def _fits_text(globs: _Globs, text: object) -> Fit:
    return True if globs is None else any_fit(glob.fits(text) for glob in globs)


def _covers_text(wide: _Globs, narrow: _Globs) -> bool:
    if wide is None:
        return True
    return narrow is not None and all(
        any(mine.covers(theirs) for mine in wide) for theirs in narrow
    )


def _covers_matcher(wide: Matcher, narrow: Matcher) -> bool:
    if isinstance(wide, Selector) and isinstance(narrow, Selector):
        return wide.covers(narrow)
    return wide is narrow


def _check_words(name: str | None, reason: object) -> None:
    if name is not None:
        try:
            check_id(name, field="name")
        except InvalidId as error:
            raise PolicyError(f"a rule's name is no id: {error.reason}", key="name") from None
    if reason is not None and (
        not isinstance(reason, str)
        or not reason.strip()
        or len(reason) > MAX_REASON
        or not reason.isprintable()
    ):
        raise PolicyError(
            f"a reason is one line of visible text, 1 to {MAX_REASON} characters", key="reason"
        )
