"""Owns the settings: the environment and the TOML file, read once, checked, frozen.

Everything comes in as arguments (a mapping, a path); only the composition root looks at the real
environment. A wrong value stops the start with the name that the operator wrote.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from gate import Bounds, ConfigError

from .misconfigured import config_errors
from .routing import AgentRule, RouteRule
from .tables import FileTables, MaskingTable

__all__ = ["ENVIRONMENT", "Settings", "read_masking", "read_settings", "settings_faults"]

MIN_SECRET: Final = 32
_WAY_IN: Final = "SLACK_APP_TOKEN"
_NO_FILE: Final = "there is no file {!r}; it says who is asked: docs/settings.md"
_NO_WAY_IN: Final = "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"

ENVIRONMENT: Final[Mapping[str, str]] = {
    "SLACK_BOT_TOKEN": "the bot's token, `xoxb-…`",
    "SLACK_APP_TOKEN": "the app-level token, `xapp-…`: Socket Mode",
    "SLACK_SIGNING_SECRET": "the signing secret: HTTP delivery, where there is no app token",
    "SLACK_API_URL": "another Slack, such as the sandbox; ends with `/api/`",
    "SIGNOFF_SECRET": "seals buttons and records, 32 characters or more; beside the keys if unset",
    "SIGNOFF_REDIS_URL": "`redis://`, `rediss://` or `unix://`; the embedded server if unset",
    "SIGNOFF_WAIT_REPLICAS": "replicas that must have a decision before it counts; `0` if unset",
    "SIGNOFF_ALLOW_EVICTION": "`1` takes a server that may throw approvals away; `0` if unset",
    "SIGNOFF_CONFIG": "the TOML file with the routes; `signoff.toml` here if unset",
    "SIGNOFF_LISTEN": "`host:port` of health checks and HTTP delivery; `127.0.0.1:8080` if unset",
    "SIGNOFF_LOG_FORMAT": "`console` or `json`; `console` if unset",
    "SIGNOFF_LOG_LEVEL": "`debug`, `info`, `warning` or `error`; `info` if unset",
}
"""Every variable that `signoff run` reads, with what it is for."""


class Settings(BaseModel):
    """What the bot runs with."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = Field(alias="SLACK_BOT_TOKEN")
    app_token: SecretStr | None = Field(default=None, alias="SLACK_APP_TOKEN")
    signing_secret: SecretStr | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    secret: SecretStr | None = Field(default=None, alias="SIGNOFF_SECRET")
    api_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_URL")
    redis_url: SecretStr | None = Field(default=None, alias="SIGNOFF_REDIS_URL")
    wait_replicas: int = Field(default=0, alias="SIGNOFF_WAIT_REPLICAS", ge=0, le=16)
    allow_eviction: bool = Field(default=False, alias="SIGNOFF_ALLOW_EVICTION")
    listen: str = Field(default="127.0.0.1:8080", alias="SIGNOFF_LISTEN")
    log_format: Literal["console", "json"] = Field(default="console", alias="SIGNOFF_LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", alias="SIGNOFF_LOG_LEVEL"
    )
    routes: tuple[RouteRule, ...] = ()
    agents: Mapping[str, AgentRule] = Field(default_factory=dict)
    undeliverable_after: float = 600.0
    masking: MaskingTable = MaskingTable()
    bounds: Bounds = Bounds()
    audit_archive: Path | None = None

    @field_validator("bot_token")
    @classmethod
    def _is_bot_token(cls, value: SecretStr) -> SecretStr:
        return _starts(value, "xoxb-")

    @field_validator("app_token")
    @classmethod
    def _is_app_token(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else _starts(value, "xapp-")

    @field_validator("signing_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else _starts(value, "")

    @field_validator("secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(_starts(value, "").get_secret_value()) < MIN_SECRET:
            raise ValueError(f"it must have {MIN_SECRET} characters or more")
        return value

    @field_validator("api_url")
    @classmethod
    def _is_web_api(cls, value: str) -> str:
        url = value if value.endswith("/") else value + "/"
        if not re.fullmatch(r"https?://[^\s@]+/", url):
            raise ValueError("it must be the address of a Web API, https://… without a user's name")
        return url

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}", value):
            raise ValueError("it must be host:port, such as 127.0.0.1:8080")
        if int(value.rpartition(":")[2]) > 65535:
            raise ValueError("a port is a number up to 65535")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.app_token is None and self.signing_secret is None:
            raise ValueError(_NO_WAY_IN)
        return self

    @field_validator("allow_eviction", mode="before")
    @classmethod
    def _is_yes_or_no(cls, value: Any) -> Any:
        # Exactly one spelling: what is meant as a no must not be read as a yes.
        if value not in ("0", "1"):
            raise ValueError("it must be 0 or 1")
        return value == "1"

    @property
    def socket_mode(self) -> bool:
        """Whether clicks come over Socket Mode; else over signed HTTP."""
        return self.app_token is not None

    @property
    def host(self) -> str:
        """Where the web application listens."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port there; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])


def _starts(value: SecretStr, prefix: str) -> SecretStr:
    text = value.get_secret_value()
    if not text.startswith(prefix):
        raise ValueError(f"it must start with {prefix}")
    if not re.fullmatch(r"[!-~]+", text):
        # A line break at the end, from a file: no header could carry it.
        raise ValueError("it holds white space or characters that no such secret has")
    return value


def read_settings(environ: Mapping[str, str], *, directory: Path) -> Settings:
    """Return the settings of an environment and of the file that it names.

    Args:
        environ: The environment; empty values count as unset.
        directory: Where `signoff.toml` is looked for when `SIGNOFF_CONFIG` is unset, and what a
            relative path is relative to.

    Raises:
        ConfigError: Anything missing, unknown or wrong, with the name of the setting.
    """
    given = {name: environ[name] for name in ENVIRONMENT if environ.get(name)}
    if "SLACK_CLIENT_ID" in environ and "SLACK_CLIENT_SECRET" in environ:
        # Bolt would switch to its OAuth flow by itself, also where they are empty.
        raise ConfigError(
            "SLACK_CLIENT_ID", "signoff serves one workspace with SLACK_BOT_TOKEN; unset it"
        )
    path = directory / given.pop("SIGNOFF_CONFIG", "signoff.toml")
    file = _read_file(path)
    try:
        return Settings.model_validate(
            given
            | {
                "routes": tuple(table.rule() for table in file.routes),
                "agents": {name: table.rule() for name, table in file.agents.items()},
                "undeliverable_after": file.undeliverable_after,
                "masking": file.masking,
                "bounds": file.bounds(),
                "audit_archive": file.audit_archive,
            }
        )
    except ValidationError as error:
        raise config_errors(error, fallback=_WAY_IN)[0] from None


def settings_faults(environ: Mapping[str, str], *, directory: Path) -> list[ConfigError]:
    """Return all that is missing or wrong, where `read_settings` stops at the first thing.

    Args:
        environ: See `read_settings`.
        directory: See `read_settings`.

    Returns:
        One error for each setting, the environment's first; none where the bot could start.
    """
    try:
        read_settings(environ, directory=directory)
    except ConfigError as error:
        last = error
    else:
        return []
    given = {name: environ[name] for name in ENVIRONMENT if environ.get(name)}
    found: list[ConfigError] = []
    try:
        Settings.model_validate(given)
    except ValidationError as error:
        found += config_errors(error, fallback=_WAY_IN)
    if not given.keys() & {_WAY_IN, "SLACK_SIGNING_SECRET"}:
        # Judged by the model only where everything else is well.
        found.append(ConfigError(_WAY_IN, _NO_WAY_IN))
    try:
        _read_file(directory / given.get("SIGNOFF_CONFIG", "signoff.toml"))
    except ConfigError as error:
        found.append(error)
    found.append(last)
    return list({error.setting: error for error in reversed(found)}.values())[::-1]


def read_masking(environ: Mapping[str, str], *, directory: Path) -> MaskingTable:
    """Return what the file says is masked; the defaults where there is no file.

    Args:
        environ: The environment, which may name the file.
        directory: See `read_settings`.

    Raises:
        ConfigError: The file that is named is not there, or a file cannot be read.
    """
    named = environ.get("SIGNOFF_CONFIG")
    path = directory / (named or "signoff.toml")
    return _read_file(path).masking if named or path.exists() else MaskingTable()


def _read_file(path: Path) -> FileTables:
    where = f"SIGNOFF_CONFIG ({path.name[:100]})"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("SIGNOFF_CONFIG", _NO_FILE.format(path.name[:100])) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(where, f"is not TOML: {error}") from None
    except (OSError, ValueError) as error:
        # Also no UTF-8, or a name that no file can have.
        raise ConfigError(where, f"cannot be read ({type(error).__name__})") from None
    try:
        return FileTables.model_validate(data)
    except ValidationError as error:
        raise config_errors(error, fallback=where, file=where)[0] from None
