"""A local Slack for demos and tests; it knows Slack's wire and nothing of the app it talks to."""

from __future__ import annotations

from .client import Delivered, SandboxClient, SandboxRefusal, State
from .clock import Clock
from .server import Sandbox
from .signing import sign, signed_headers
from .workspace import App, Channel, User, UserGroup, Workspace, default_workspace

__all__ = [
    "App",
    "Channel",
    "Clock",
    "Delivered",
    "Sandbox",
    "SandboxClient",
    "SandboxRefusal",
    "State",
    "User",
    "UserGroup",
    "Workspace",
    "default_workspace",
    "sign",
    "signed_headers",
]
