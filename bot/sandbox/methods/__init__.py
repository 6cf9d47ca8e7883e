"""The Web API methods of the sandbox, one file per family."""

from __future__ import annotations

from collections.abc import Mapping

from . import account, chat, conversations, files, people, validation, views
from .call import Args, Method

METHODS: Mapping[str, Method] = {
    **account.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **validation.METHODS,
    **views.METHODS,
}

__all__ = ["METHODS", "Args", "Method"]
