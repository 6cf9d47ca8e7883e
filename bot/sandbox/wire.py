"""Words every module of the sandbox shares: the JSON type and Slack's refusal."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """A Web API refusal: HTTP 200 with `ok: false` and one of Slack's error words.

    Args:
        error: Slack's error word.
        details: More keys of the answer, for example `needed` and `provided`.
    """

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.details = details

    def answer(self) -> Json:
        """The JSON answer of the Web API."""
        return {"ok": False, "error": self.error, **self.details}


def invalid_arguments(*messages: str) -> SlackError:
    """`invalid_arguments` with the messages Slack adds under `response_metadata`."""
    return SlackError(
        "invalid_arguments",
        response_metadata={"messages": [f"[ERROR] {message}" for message in messages]},
    )
