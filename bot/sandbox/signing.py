"""Slack's request signature (docs.slack.dev: verifying requests from Slack)."""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, timestamp: int | str, body: str | bytes) -> str:
    """The `X-Slack-Signature` value for a body.

    Args:
        secret: The app's signing secret.
        timestamp: The value of `X-Slack-Request-Timestamp`, in seconds.
        body: The raw request body, exactly as sent.
    """
    raw = body.encode() if isinstance(body, str) else body
    base = f"v0:{timestamp}:".encode() + raw
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def signed_headers(secret: str, timestamp: int | str, body: str | bytes) -> dict[str, str]:
    """The two signature headers Slack sends with a request."""
    return {
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": sign(secret, timestamp, body),
    }
