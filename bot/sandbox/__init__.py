"""A local Slack for demos and tests; it knows Slack's wire and nothing of the app it talks to."""

from __future__ import annotations

from .app_settings import apply_manifest
from .client import SandboxClient
from .clock import Clock
from .fault_client import ApiScope, DeliveryScope, FaultClient
from .rate_limits import RateLimits
from .server import Sandbox
from .signing import sign, signed_headers
from .snapshot import Delivered, SandboxRefusal, State
from .workspace import (
    App,
    Channel,
    Command,
    Shortcut,
    User,
    UserGroup,
    Workspace,
    default_workspace,
)

__all__ = [
    "ApiScope",
    "App",
    "Channel",
    "Clock",
    "Command",
    "Delivered",
    "DeliveryScope",
    "FaultClient",
    "RateLimits",
    "Sandbox",
    "SandboxClient",
    "SandboxRefusal",
    "Shortcut",
    "State",
    "User",
    "UserGroup",
    "Workspace",
    "apply_manifest",
    "default_workspace",
    "sign",
    "signed_headers",
]
