"""The public test kit: test an agent's own code with a scripted approver, and without any server.

- `approver`: `ScriptedApprover`, who answers as the script says and remembers what was asked
- `model`: `ScriptedModel`, an agent loop's model that answers as the script says
- `clock`: `FakeClock`, which stands still until it is told to go on
- `store`: `ScratchStore`, the smallest store, in memory
- `plugin`: the pytest fixture `scripted_approver`, registered when signoff is installed
"""

from .approver import ScriptedApprover
from .clock import FakeClock
from .model import ScriptedModel
from .store import ScratchStore

__all__ = ["FakeClock", "ScratchStore", "ScriptedApprover", "ScriptedModel"]
