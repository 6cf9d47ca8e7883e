"""Owns what a developer configures: the same for a new loop and for a restored one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypedDict

from ..approval import MAX_NAME, check_text
from ..approval_gate import ApprovalGate
from ..canonical import canonical_text, parse_json
from ..checkpoints import Checkpoints
from ..clock import Clock, SystemClock, new_id
from ..errors import ConfigError
from .approving import Approver, Asking, CallbackAsking, CallTerms
from .events import LoopWarning
from .gate_asking import GateAsking
from .judging import Guardrail, Judge, Policy, ToolGuardrail
from .observing import Hooks
from .snapshot import AgentLoopSnapshot, Safeguards
from .tools import Tool, define_tool

__all__ = ["CHECKPOINT_PREFIX", "Configuration", "LoopOptions"]

CHECKPOINT_PREFIX: Final = "agent-loop:"
"""What the keys of loops' checkpoints begin with; the agent's id follows."""


class LoopOptions(TypedDict, total=False):
    """The arguments of `AgentLoop` beside the model; see there."""

    id: str | None
    tools: Sequence[Tool | Callable[..., Any]]
    policy: Policy | None
    approve: ApprovalGate | Approver | None
    terms: CallTerms | None
    system: str
    context: str
    guardrails: Sequence[Guardrail]
    tool_guardrails: Sequence[ToolGuardrail]
    max_steps: int
    tool_timeout: float
    tool_grace: float
    parallel_tool_calls: bool
    on_pending: Literal["wait", "exit"]
    exit_after: float
    checkpoint: Checkpoints | None
    hooks: Hooks | None
    metadata: Mapping[str, Any] | None
    store_patience: float
    on_tool_collision: Literal["error", "warn"]
    clock: Clock | None
    ids: Callable[[], str]


class Configuration:
    """The options, checked and with their defaults.

    Raises:
        ConfigError: An option that cannot be.
        PayloadNotCanonical: The metadata, or a text, is not strict JSON.
        LimitExceeded: A text is too long.
    """

    def __init__(self, options: LoopOptions) -> None:
        self.ids: Callable[[], str] = options.get("ids", new_id)
        self.clock: Clock = options.get("clock") or SystemClock()
        self.agent_id = check_text(options.get("id") or self.ids(), field="id", limit=MAX_NAME)
        self.system = options.get("system", "")
        self.context = options.get("context", "")
        canonical_text([self.system, self.context], max_size=1024 * 1024)
        self.guardrails = tuple(options.get("guardrails", ()))
        self.max_steps = options.get("max_steps", 16)
        self.tool_timeout = options.get("tool_timeout", 30.0)
        self.tool_grace = options.get("tool_grace", 1.0)
        self.parallel = options.get("parallel_tool_calls", True)
        self.on_pending = options.get("on_pending", "wait")
        self.exit_after = max(0.0, options.get("exit_after", 0.0))
        self.checkpoint = options.get("checkpoint")
        self.hooks = options.get("hooks")
        self.patience = options.get("store_patience", 30.0)
        self.metadata: dict[str, Any] = parse_json(
            canonical_text(dict(options.get("metadata") or {}))
        )
        self.warnings: list[LoopWarning] = []
        self._check()
        approve = options.get("approve")
        self.judge = Judge(
            tools=self._tools(
                options.get("tools", ()), collision=options.get("on_tool_collision", "error")
            ),
            policy=options.get("policy"),
            guardrails=tuple(options.get("tool_guardrails", ())),
            approver=approve is not None,
        )
        self.asking = self._asking(approve, options.get("terms") or {})

    @property
    def waits(self) -> bool:
        """Whether a run waits for decisions; otherwise it ends as paused."""
        return self.on_pending == "wait"

    @property
    def safeguards(self) -> Safeguards:
        """What guards the loop."""
        return Safeguards(
            policy=self.judge.policy is not None,
            approver=self.judge.approver,
            guardrails=len(self.guardrails),
            tool_guardrails=len(self.judge.guardrails),
        )

    def compare(self, snapshot: AgentLoopSnapshot) -> list[LoopWarning]:
        """Return in what this configuration differs from that of *snapshot*."""
        had, has = set(snapshot.tool_names), set(self.judge.tools)
        gone = 'Tool "{}" was used in the saved conversation but is not provided now'
        new = 'Tool "{}" is new (not in the saved conversation)'
        told = [LoopWarning("tool_removed", gone.format(n), n) for n in sorted(had - has)]
        told += [LoopWarning("tool_added", new.format(n), n) for n in sorted(has - had)]
        mine = self.safeguards.model_dump()
        for name, before in snapshot.safeguards.model_dump().items():
            if before > mine[name]:
                why = (
                    f"The saved loop was guarded by its {name.replace('_', ' ')}; this one lacks it"
                )
                told.append(LoopWarning("safeguard_removed", why))
        return told

    def _check(self) -> None:
        if self.max_steps < 1:
            raise ConfigError("max_steps", "it is an integer of 1 or more")
        if not self.tool_timeout > 0:
            raise ConfigError("tool_timeout", "it is more than 0 seconds")
        if self.on_pending not in ("wait", "exit"):
            raise ConfigError("on_pending", "it is wait or exit")

    def _asking(self, approve: ApprovalGate | Approver | None, terms: CallTerms) -> Asking | None:
        if approve is None:
            return None
        if isinstance(approve, ApprovalGate):
            return GateAsking(approve, terms=terms, clock=self.clock, patience=self.patience)
        if not callable(approve):
            raise ConfigError("approve", "it is a gate, or an async function of one argument")
        return CallbackAsking(approve, wait=self.waits)

    def _tools(
        self, given: Sequence[Tool | Callable[..., Any]], *, collision: str
    ) -> dict[str, Tool]:
        tools: dict[str, Tool] = {}
        for each in given:
            tool = each if isinstance(each, Tool) else define_tool(each)
            if tool.name in tools:
                if collision != "warn":
                    raise ConfigError("tools", f"two tools are named {tool.name!r}")
                why = f'Two tools are named "{tool.name}"; the first one stays'
                self.warnings.append(LoopWarning("tool_name_collision", why, tool.name))
                continue
            tools[tool.name] = tool
        return tools
