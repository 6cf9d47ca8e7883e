"""Owns a policy in a file: read whole, kept if a new one is broken, old, or wider than it says."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from ..errors import PolicyError
from ..logs import get_logger
from .document import MAX_FILE, PolicyDocument, read_policy
from .permission import DENY_ALL, PermissionDecision, PermissionPolicy
from .target import PermissionTarget
from .widening import widening

__all__ = ["PolicyFile", "read_policy_file"]


def read_policy_file(path: Path | str) -> PolicyDocument:
    """Return the policy in a file.

    Raises:
        PolicyError: There is no such file, it is no regular file, others may write to it, it cannot
            be read, is over 256 KiB, or does not say a policy (see `read_policy`).
    """
    name = Path(path).name
    try:
        # Without blocking: a pipe in its place must not hold up the agent.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise PolicyError("there is no such file", file=name) from None
    except (OSError, ValueError) as error:
        raise PolicyError(f"it cannot be opened ({type(error).__name__})", file=name) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PolicyError("it is not a regular file", file=name)
        if status.st_mode & stat.S_IWOTH:
            raise PolicyError("every user of this machine may write to it", file=name)
        with open(descriptor, "rb", closefd=False) as file:
            text = file.read(MAX_FILE + 1)
    except OSError as error:
        raise PolicyError(f"it cannot be read ({type(error).__name__})", file=name) from None
    finally:
        os.close(descriptor)
    return read_policy(text, file=name)


class PolicyFile:
    """The policy that a file says, as far as it may be taken.

    Until `reload` has read one, everything is denied. From then on a policy is in force until
    another one is taken, whatever becomes of the file.

    Args:
        path: The file.
        at_least: The lowest `version` that is taken at first. A process that was started again has
            forgotten the last one.
    """

    def __init__(self, path: Path | str, *, at_least: int = 1) -> None:
        self.path: Final = Path(path)
        self._document = PolicyDocument(number=at_least - 1, policy=DENY_ALL)
        self._log = get_logger("signoff.policy")
        self.refused = 0
        """How many times `reload` has kept the old policy because of an error."""

    @property
    def policy(self) -> PermissionPolicy:
        """The policy in force."""
        return self._document.policy

    @property
    def number(self) -> int | None:
        """The `version` of the file that is in force; `None` if none is yet."""
        return None if self._document.policy is DENY_ALL else self._document.number

    def check(
        self, source: str, target: PermissionTarget, action: str = "execute"
    ) -> PermissionDecision:
        """Ask the policy in force; see `PermissionPolicy.check`."""
        return self.policy.check(source, target, action)

    def reload(self) -> PermissionPolicy:
        """Read the file, and return the policy that is in force from now on.

        A file with the same `version` is taken only if it can be shown that it lets nothing
        through that the policy in force does not; with a higher one it is taken as it is. It reads
        at most 256 KiB; on a slow disk call it in a thread.

        Raises:
            PolicyError: The file is not taken; the old policy stays in force, at first the one that
                denies everything. The error is logged and counted too.
        """
        try:
            document = read_policy_file(self.path)
            self._compare(document)
        except PolicyError as error:
            self.refused += 1
            self._log.error(
                "policy.refused",
                file=self.path.name,
                line=error.line,
                key=error.key,
                reason=error.reason,
                kept=self.policy.version[:12],
            )
            raise
        if document.policy.version != self.policy.version:
            self._log.info(
                "policy.taken",
                file=self.path.name,
                number=document.number,
                version=document.policy.version[:12],
                rules=len(document.policy),
            )
        self._document = document
        return document.policy

    def _compare(self, document: PolicyDocument) -> None:
        if document.number < self._document.number or (
            self.number is None and document.number <= self._document.number
        ):
            raise PolicyError(
                f"version {document.number} is older than what was taken or asked for",
                file=self.path.name,
                key="version",
            )
        if document.number > self._document.number:
            return
        wider = widening(self.policy, document.policy)
        if wider is not None:
            raise PolicyError(
                f"{wider}; if that is meant, raise version above {document.number}",
                file=self.path.name,
                key="version",
            )
