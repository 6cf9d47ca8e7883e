"""The store on Redis or Valkey."""

from .server import RedisStore

__all__ = ["RedisStore"]
