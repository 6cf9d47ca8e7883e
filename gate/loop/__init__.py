"""The agent loop: a model works with tools, people are asked where that is due, nothing runs twice.

The modules, in reading order:

- `words`: how a call and a run end, and what the model is told
- `model`: a model is one function; `tools`: typed functions
- `snapshot`: everything that a loop must know to go on elsewhere; `state`: the same in memory
- `judging`: what is decided about a call without people; `approving`, `gate_asking`: asking people
- `execution`: running one tool
- `events`, `observing`: who hears what happens
- `configuration`: what a developer sets; `journal`, `keeping`: saving, one writer at a time
- `workplace`, `turn`: the calls of one answer; `driving`: the steps of a run
- `agent_loop`: the verbs
- `pydantic_ai_model`: any provider, through the extra `models`; imported by its own name
"""

from .agent_loop import AgentLoop
from .approving import ApprovalRequest, Approver, CallTerms, ToolDecision
from .configuration import CHECKPOINT_PREFIX, LoopOptions
from .events import (
    ApprovalPending,
    CallFinished,
    CallProposed,
    LoopEvent,
    LoopWarning,
    RunFinished,
    RunResult,
    StepStarted,
    TextDelta,
)
from .judging import Guardrail, Policy, ToolGuardrail
from .model import (
    AssistantMessage,
    Message,
    Model,
    StreamingModel,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    UserMessage,
)
from .observing import LOOP_HOOKS
from .snapshot import (
    SNAPSHOT_VERSION,
    AgentLoopSnapshot,
    PendingToolCall,
    Phase,
    RunReport,
    ToolCallReport,
)
from .tools import Cancellation, Tool, ToolContext, TraceContext, define_tool
from .words import CallOutcome, FinishReason

__all__ = [
    "CHECKPOINT_PREFIX",
    "LOOP_HOOKS",
    "SNAPSHOT_VERSION",
    "AgentLoop",
    "AgentLoopSnapshot",
    "ApprovalPending",
    "ApprovalRequest",
    "Approver",
    "AssistantMessage",
    "CallFinished",
    "CallOutcome",
    "CallProposed",
    "CallTerms",
    "Cancellation",
    "FinishReason",
    "Guardrail",
    "LoopEvent",
    "LoopOptions",
    "LoopWarning",
    "Message",
    "Model",
    "PendingToolCall",
    "Phase",
    "Policy",
    "RunFinished",
    "RunReport",
    "RunResult",
    "StepStarted",
    "StreamingModel",
    "SystemMessage",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolCallReport",
    "ToolContext",
    "ToolDecision",
    "ToolGuardrail",
    "ToolMessage",
    "ToolSpec",
    "TraceContext",
    "Usage",
    "UserMessage",
    "define_tool",
]
