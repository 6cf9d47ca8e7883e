"""What happens in a sandbox, as records: messages, views, triggers, marks, the traffic log."""

from __future__ import annotations

import mimetypes
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .elements import StateKey, state_values
from .wire import Json
from .workspace import App

DeliveryKind = Literal["interactive", "slash_commands", "events_api"]


@dataclass
class Message:
    """One message; `ephemeral_to` makes it visible to a single person."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    from_bot: bool = False
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    edited: Json | None = None
    ephemeral_to: str | None = None
    tombstone: bool = False
    inputs: dict[StateKey, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


@dataclass
class StoredFile:
    """One uploaded file; `shared` holds (channel, message ts) of where it is shown."""

    id: str
    name: str
    title: str
    length: int
    user: str
    created: float
    token: str
    content: bytes | None = None
    completed: bool = False
    shared: list[tuple[str, str]] = field(default_factory=list)

    def wire(self, *, team_id: str, app: App, base: str) -> Json:
        """The file object of messages and answers."""
        kind = mimetypes.guess_type(self.name)[0] or "text/plain"
        suffix = self.name.rpartition(".")[2] if "." in self.name else "text"
        address = f"{base}/files/{self.user}/{self.id}/{self.name}"
        return {
            "id": self.id,
            "created": int(self.created),
            "timestamp": int(self.created),
            "name": self.name,
            "title": self.title,
            "mimetype": kind,
            "filetype": suffix,
            "pretty_type": suffix.upper(),
            "user": self.user,
            "user_team": team_id,
            "app_id": app.id,
            "bot_id": app.bot_id,
            "editable": False,
            "size": self.length,
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": True,
            "public_url_shared": False,
            "display_as_bot": True,
            "username": "",
            "url_private": address,
            "url_private_download": address,
            "permalink": address,
            "channels": list(dict.fromkeys(channel for channel, _ in self.shared)),
            "groups": [],
            "ims": [],
            "comments_count": 0,
            "file_access": "visible",
        }


@dataclass
class View:
    """One modal or App Home as a person sees it."""

    id: str
    user: str
    type: str
    definition: Json
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    inputs: dict[StateKey, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None

    def wire(self, *, team_id: str, app_id: str, bot_id: str) -> Json:
        """The view object of answers and payloads."""
        definition = self.definition
        blocks = definition["blocks"]
        return {
            "id": self.id,
            "team_id": team_id,
            "type": self.type,
            "blocks": blocks,
            "private_metadata": definition.get("private_metadata") or "",
            "callback_id": definition.get("callback_id") or "",
            "state": {"values": state_values(blocks, self.inputs)},
            "hash": self.hash,
            "title": definition.get("title")
            or {"type": "plain_text", "text": "View Title", "emoji": True},
            "clear_on_close": bool(definition.get("clear_on_close")),
            "notify_on_close": bool(definition.get("notify_on_close")),
            "close": definition.get("close"),
            "submit": definition.get("submit"),
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": app_id,
            "external_id": definition.get("external_id") or "",
            "app_installed_team_id": team_id,
            "bot_id": bot_id,
        }


@dataclass
class Trigger:
    """One trigger id: who caused it, when, whether it was exchanged."""

    user: str
    issued: float
    used: bool = False


@dataclass
class ResponseUrl:
    """One response URL: where it answers to, since when, how often it was used."""

    user: str
    channel: str
    message_ts: str | None
    thread_ts: str | None
    issued: float
    uses: int = 0


@dataclass
class Mark:
    """What a person sees at a control they used: a spinner or an error sign."""

    user: str
    action_id: str
    block_id: str
    status: Literal["pending", "failed"]
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    error: str | None = None


@dataclass
class ApiRequest:
    """One request of the app to the sandbox, as received and as answered.

    Attributes:
        fault: The kind of the fault that hit it; after `reset_after` the answer stood, but the
            app never saw it.
    """

    id: int
    at: float
    method: str
    http_method: str
    content_type: str
    raw: str
    args: Json
    status: int
    answer: Json
    duration_ms: float
    fault: str | None = None

    def wire(self) -> Json:
        """The record as JSON."""
        return asdict(self)


@dataclass
class Delivery:
    """One delivery to the app and what the app answered.

    Attributes:
        ok: The app acknowledged within the deadline.
        error: Why not: `timeout`, `not_connected`, `connection_lost`, `connection_failed`,
            `lost`, `late`, `http_<status>`.
        answer: The decoded answer or ack payload, if there was one.
        late_ms: When an ack came after the deadline: how long it took.
        held: It waits for its release and was not sent yet.
        fault: The kinds of the faults that hit it.
        copy_of: The delivery that this one repeats: a duplicate, a late one or a retry.
        retry: Number of the retry, 0 for the first attempt.
        retry_reason: Why Slack tries again.
        no_retry: The app asked for no more retries.
    """

    id: int
    at: float
    kind: DeliveryKind
    type: str
    user: str | None
    payload: Json
    transport: str = "none"
    target: str = ""
    envelope_id: str | None = None
    raw: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    ok: bool = False
    status: int | None = None
    answer: Any = None
    answer_raw: str = ""
    latency_ms: float | None = None
    late_ms: float | None = None
    error: str | None = None
    held: bool = False
    fault: list[str] = field(default_factory=list)
    copy_of: int | None = None
    retry: int = 0
    retry_reason: str = ""
    no_retry: bool = False

    def wire(self) -> Json:
        """The record as JSON."""
        return asdict(self)
