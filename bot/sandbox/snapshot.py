"""What a driver gets from a sandbox: snapshots of the state, deliveries, refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from .wire import Json


class SandboxRefusal(RuntimeError):
    """The sandbox refused a verb: Slack's own client would not allow it, or the call is wrong.

    Attributes:
        error: A stable word, for example `no_such_action` or `deactivated`.
        detail: A sentence.
        answer: The whole answer.
    """

    def __init__(self, answer: Json) -> None:
        self.error = str(answer.get("error"))
        self.detail = str(answer.get("detail"))
        self.answer = answer
        super().__init__(f"{self.error}: {self.detail}")


@dataclass(frozen=True)
class Delivered:
    """What the app did with one delivery.

    Attributes:
        ok: It acknowledged in time and usefully; otherwise the person saw an error sign.
        error: Why not, for example `timeout`, `http_404`, `not_connected`.
        transport: `socket`, `http` or `none`.
        status: HTTP status, if HTTP was used.
        answer: The decoded body or ack payload.
        latency_ms: How long the answer took.
        payload: The payload that was delivered.
        record: The whole record of the log.
    """

    ok: bool
    error: str | None
    transport: str
    status: int | None
    answer: Any
    latency_ms: float
    payload: Json
    record: Json

    @classmethod
    def of(cls, record: Json) -> Self:
        """From a record of the log."""
        return cls(
            ok=record["ok"],
            error=record["error"],
            transport=record["transport"],
            status=record["status"],
            answer=record["answer"],
            latency_ms=record["latency_ms"] or 0.0,
            payload=record["payload"],
            record=record,
        )


@dataclass(frozen=True)
class State:
    """One snapshot of a sandbox; `data` is the whole dump."""

    data: Json

    @property
    def version(self) -> int:
        """Number of changes so far."""
        return int(self.data["version"])

    def messages(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first, without thread replies."""
        return [
            message
            for message in self.data["messages"].get(channel, [])
            if message.get("thread_ts") in (None, message["ts"])
            or message.get("subtype") == "thread_broadcast"
        ]

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies in the thread of a message, oldest first, without the message."""
        return [
            message
            for message in self.data["messages"].get(channel, [])
            if message.get("thread_ts") == ts and message["ts"] != ts
        ]

    def message(self, channel: str, ts: str) -> Json | None:
        """One message, replies included; None if it is not there."""
        for message in self.data["messages"].get(channel, []):
            if message["ts"] == ts:
                found: Json = message
                return found
        return None

    def ephemerals(self, user: str) -> list[Json]:
        """The messages only `user` sees, oldest first."""
        return list(self.data["ephemerals"].get(user, []))

    def views(self, user: str) -> list[Json]:
        """The open modals of a person, the visible one last."""
        return list(self.data["views"].get(user, []))

    def home(self, user: str) -> Json | None:
        """The App Home of a person."""
        home: Json | None = self.data["homes"].get(user)
        return home

    def marks(self, user: str) -> list[Json]:
        """Spinners (`pending`) and error signs (`failed`) a person sees."""
        return [mark for mark in self.data["marks"] if mark["user"] == user]

    @property
    def requests(self) -> list[Json]:
        """The app's Web API and response URL requests, oldest first."""
        return list(self.data.get("requests", []))

    @property
    def deliveries(self) -> list[Json]:
        """The deliveries to the app, oldest first."""
        return list(self.data.get("deliveries", []))

    @property
    def held(self) -> list[int]:
        """Ids of the deliveries that a `hold` keeps back, oldest first."""
        return list(self.data["held"])

    @property
    def faults(self) -> list[Json]:
        """The ordered faults, with `fired` and `seen`."""
        return list(self.data["faults"])

    @property
    def violations(self) -> dict[str, int]:
        """Calls over a rate limit, by method; empty where none is measured."""
        return dict((self.data["rate_limits"] or {}).get("violations", {}))

    @property
    def too_early(self) -> dict[str, int]:
        """Calls that did not wait for an earlier `Retry-After`, by method."""
        return dict((self.data["rate_limits"] or {}).get("too_early", {}))

    def calls(self, method: str) -> list[Json]:
        """The app's requests of one method, oldest first."""
        return [request for request in self.requests if request["method"] == method]

    def copies(self, delivery: int) -> list[Json]:
        """The repeats of a delivery: duplicates, late ones, retries; oldest first."""
        return [item for item in self.deliveries if item["copy_of"] == delivery]

    @property
    def sockets(self) -> list[Json]:
        """The open Socket Mode connections."""
        return list(self.data["sockets"])

    def direct_channel(self, user: str) -> str | None:
        """The id of the direct message between the bot and `user`."""
        for channel in self.data["channels"]:
            if channel.get("is_im") and channel.get("user") == user:
                return str(channel["id"])
        return None
