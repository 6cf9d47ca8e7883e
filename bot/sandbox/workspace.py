"""The workspace as data: team, app, people, channels, user groups, and the default seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .wire import Json

HOME_TEAM = "T0SANDBOX"

DEFAULT_SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:read",
        "mpim:write",
        "team:read",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)


@dataclass
class User:
    """One person or bot, with the flags of Slack's user object."""

    id: str
    name: str
    real_name: str
    team_id: str = HOME_TEAM
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_invited_user: bool = False
    tz: str = "Europe/London"
    tz_label: str = "Greenwich Mean Time"
    tz_offset: int = 0
    title: str = ""
    color: str = "4c6fae"
    enterprise_user: Json | None = None

    def wire(self, *, with_email: bool, updated: int) -> Json:
        """The user object as `users.info` sends it.

        Real Slack leaves keys out: a deactivated or foreign user lacks most flags, and the
        rarer flags are present only when they are true.
        """
        profile: Json = {
            "title": self.title,
            "phone": "",
            "skype": "",
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": f"g{self.id.lower()}",
            "first_name": self.real_name.split(" ")[0],
            "last_name": " ".join(self.real_name.split(" ")[1:]),
            "team": self.team_id,
        }
        if with_email and not self.is_bot and not self.is_stranger:
            profile["email"] = f"{self.name}@example.com"
        wire: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": updated,
        }
        if not self.deleted:
            wire |= self._active_fields()
        if self.is_stranger:
            wire["is_stranger"] = True
        if self.is_invited_user:
            wire["is_invited_user"] = True
        if self.enterprise_user is not None:
            wire["enterprise_user"] = dict(self.enterprise_user)
        return wire

    def _active_fields(self) -> Json:
        return {
            "color": self.color,
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz_label,
            "tz_offset": self.tz_offset,
            "is_admin": self.is_admin,
            "is_owner": self.is_owner,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_email_confirmed": True,
            "who_can_share_contact_card": "EVERYONE",
        }


@dataclass
class Channel:
    """One conversation: public, private or direct."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_im: bool = False
    is_mpim: bool = False
    is_ext_shared: bool = False
    topic: str = ""
    purpose: str = ""

    def partner(self, bot_user_id: str) -> str:
        """The other person of a direct message."""
        return next((member for member in self.members if member != bot_user_id), bot_user_id)

    def wire(self, *, bot_user_id: str, team_id: str, created: int) -> Json:
        """The conversation object as `conversations.info` sends it."""
        common: Json = {
            "id": self.id,
            "created": created,
            "is_archived": self.is_archived,
            "is_org_shared": False,
            "context_team_id": team_id,
            "updated": created * 1000,
        }
        if self.is_im:
            partner = self.partner(bot_user_id)
            return common | {"is_im": True, "user": partner, "is_open": True, "priority": 0}
        return common | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private and not self.is_mpim,
            "is_im": False,
            "is_mpim": self.is_mpim,
            "is_private": self.is_private,
            "is_general": self.name == "general",
            "unlinked": 0,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "parent_conversation": None,
            "creator": self.members[0] if self.members else bot_user_id,
            "shared_team_ids": [team_id],
            "pending_connected_team_ids": [],
            "is_member": bot_user_id in self.members,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": "", "last_set": 0},
            "previous_names": [],
        }


@dataclass
class UserGroup:
    """One user group; `disabled` ones stay listed only on request."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass
class Command:
    """One slash command of the app.

    Attributes:
        should_escape: Mentions of people and channels arrive as ids instead of as typed.
    """

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass
class Shortcut:
    """One shortcut of the app: in a message's menu or, if global, in the search."""

    name: str
    callback_id: str
    type: Literal["message", "global"] = "message"
    description: str = ""


@dataclass
class App:
    """The installed app: its settings and its credentials.

    Attributes:
        token_error: What every call with the bot token is refused with, for example
            `token_revoked`; None while the token is good.
        app_token_error: The same for the app-level token.
        socket_mode: Off, sockets are closed with `link_disabled` as soon as they open.
    """

    id: str = "A0SIGNOFF"
    name: str = "signoff"
    bot_user_id: str = "U0SIGNOFF"
    bot_id: str = "B0SIGNOFF"
    bot_token: str = "xoxb-sandbox"  # noqa: S105 - made up
    app_token: str = "xapp-sandbox"  # noqa: S105 - made up
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105 - made up
    verification_token: str = "sandbox-verification-token"  # noqa: S105 - made up
    token_error: str | None = None
    app_token_error: str | None = None
    socket_mode: bool = True
    commands: list[Command] = field(
        default_factory=lambda: [Command("/signoff", "Pending approvals", should_escape=True)]
    )
    shortcuts: list[Shortcut] = field(default_factory=list)
    scopes: set[str] = field(default_factory=lambda: set(DEFAULT_SCOPES))
    events: set[str] = field(default_factory=lambda: {"app_home_opened"})
    request_url: str | None = None


@dataclass
class Workspace:
    """Everything a sandbox starts with."""

    team_id: str = HOME_TEAM
    team_name: str = "Sandbox"
    team_domain: str = "sandbox"
    paid_plan: bool = True
    app: App = field(default_factory=App)
    users: list[User] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    usergroups: list[UserGroup] = field(default_factory=list)


def default_workspace(app: App | None = None) -> Workspace:
    """The seed used by the demo and the tests: a fresh copy on every call.

    People: `U0ANA`, `U0BEN`, `U0CHO` (members), `U0DAN` (member, in no group), `U0GUEST`
    (restricted), `U0GONE` (deactivated), `U0EXT` (a stranger of team `T0OTHER`). Groups:
    `S0OWNERS` (ana, ben), `S0SECURITY` (cho). The bot is in `C0APPROVALS` and the private
    `C0PRIVATE`, not in `C0GENERAL`.
    """
    app = app or App()
    bot = app.bot_user_id
    everyone = ["U0ANA", "U0BEN", "U0CHO", "U0DAN"]
    return Workspace(
        app=app,
        users=[
            User("U0ANA", "ana", "Ana Ferreira", title="Platform lead", color="b8466b"),
            User("U0BEN", "ben", "Ben Okafor", title="Site reliability", color="2f7d6b"),
            User("U0CHO", "cho", "Cho Min-ji", title="Security", color="7a5bc0", is_admin=True),
            User("U0DAN", "dan", "Dan Novak", title="Support", color="b26b1f"),
            User(
                "U0GUEST",
                "gil",
                "Gil Guest",
                title="Contractor",
                is_restricted=True,
                color="4c6fae",
            ),
            User("U0GONE", "gus", "Gus Gone", deleted=True),
            User("U0EXT", "eve", "Eve Extern", team_id="T0OTHER", is_stranger=True, color="8a7342"),
            User(bot, app.name, app.name, is_bot=True, color="3a6ff0"),
        ],
        channels=[
            Channel(
                "C0APPROVALS",
                "approvals",
                [*everyone, "U0GUEST", bot],
                topic="Agents ask here before they act",
            ),
            Channel("C0GENERAL", "general", [*everyone], topic="Company-wide announcements"),
            Channel(
                "C0PRIVATE",
                "payments-ops",
                ["U0ANA", "U0CHO", bot],
                is_private=True,
                topic="Money matters",
            ),
        ],
        usergroups=[
            UserGroup("S0OWNERS", "owners", "Service owners", ["U0ANA", "U0BEN"]),
            UserGroup("S0SECURITY", "security", "Security team", ["U0CHO"]),
        ],
    )
