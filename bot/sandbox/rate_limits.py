"""Slack's rate limits: a budget per method, and a pace of one post a second per channel.

Sources: docs.slack.dev (rate limits, chat.postMessage) for the tiers and the pace; the metadata
of the official Java SDK for the tier of each method. The burst is documented only as "short", so
it is a parameter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .clock import Clock
from .wire import Json

_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}

TIERS: Mapping[str, int] = {
    "apps.connections.open": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.list": 2,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "files.completeUploadExternal": 4,
    "files.delete": 3,
    "files.getUploadURLExternal": 4,
    "files.info": 4,
    "team.info": 3,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "users.list": 2,
    "users.lookupByEmail": 3,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}


@dataclass(frozen=True)
class RateLimits:
    """How the limits are applied.

    Attributes:
        scale: Slack seconds in one sandbox second: 100 makes a Slack second last 10 ms, and
            `Retry-After` is then told in decimals of a real second instead of whole seconds.
        burst: Posts that one channel takes at once before the pace of one a second holds.
        posts_per_minute: Posts of the app in the whole workspace.
        enforce: Refuse with 429; False only counts the violations.

    Raises:
        ValueError: a number is not positive.
    """

    scale: float = 1.0
    burst: int = 4
    posts_per_minute: int = 300
    enforce: bool = True

    def __post_init__(self) -> None:
        """Refuse limits that can never be kept."""
        if self.scale <= 0 or self.burst < 1 or self.posts_per_minute < 1:
            raise ValueError("scale, burst and posts_per_minute must be positive")

    @classmethod
    def of(cls, value: RateLimits | Mapping[str, Any] | None) -> RateLimits | None:
        """Limits from a mapping of the attributes; None means no limits.

        Raises:
            ValueError: an unknown key.
        """
        if value is None or isinstance(value, RateLimits):
            return value
        try:
            return cls(**value)
        except TypeError as exc:
            raise ValueError(f"rate limits have no {sorted(value)}") from exc


@dataclass
class _Budget:
    """Tokens that come back at a steady rate."""

    size: float
    per_second: float
    left: float
    at: float
    blocked_until: float = 0.0

    def wait(self, now: float) -> float:
        """Slack seconds until a token is there; takes one if that is now."""
        self.left = min(self.size, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left >= 1.0:
            self.left -= 1.0
            return 0.0
        return (1.0 - self.left) / self.per_second


class RateMeter:
    """Measures calls against the limits.

    Args:
        limits: The limits.
        clock: The sandbox's time.

    Attributes:
        violations: Calls over a limit, by method.
        too_early: Calls made before the `Retry-After` of an earlier refusal was over, by method.
    """

    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock
        self._budgets: dict[str, _Budget] = {}
        self.violations: Counter[str] = Counter()
        self.too_early: Counter[str] = Counter()

    def refusal(self, method: str, channel: str | None) -> str | None:
        """The `Retry-After` of a call over a limit; None lets it pass."""
        now = self._clock.now() * self.limits.scale
        waits = [self._spend(budget, method, now) for budget in self._of(method, channel, now)]
        wait = max(waits, default=0.0)
        if wait <= 0.0:
            return None
        self.violations[method] += 1
        return self._retry_after(wait) if self.limits.enforce else None

    def _of(self, method: str, channel: str | None, now: float) -> list[_Budget]:
        if method == "chat.postMessage":
            limits = self.limits
            per_minute = limits.posts_per_minute
            return [
                self._budget(f"channel:{channel}", limits.burst, 1.0, now),
                self._budget("posts", per_minute, per_minute / 60.0, now),
            ]
        tier = TIERS.get(method)
        if tier is None:
            return []
        return [self._budget(method, _PER_MINUTE[tier], _PER_MINUTE[tier] / 60.0, now)]

    def _budget(self, key: str, size: float, per_second: float, now: float) -> _Budget:
        return self._budgets.setdefault(key, _Budget(size, per_second, size, now))

    def _spend(self, budget: _Budget, method: str, now: float) -> float:
        if now < budget.blocked_until:
            self.too_early[method] += 1
            return budget.blocked_until - now
        wait = budget.wait(now)
        if wait > 0.0 and self.limits.enforce:
            # Whole Slack seconds, as the header says them.
            budget.blocked_until = now + math.ceil(wait)
        return wait

    def _retry_after(self, wait: float) -> str:
        seconds = math.ceil(wait)
        return str(seconds) if self.limits.scale == 1.0 else f"{seconds / self.limits.scale:.6f}"

    def wire(self) -> Json:
        """The limits and what was counted, as JSON."""
        return asdict(self.limits) | {
            "violations": dict(self.violations),
            "too_early": dict(self.too_early),
        }
