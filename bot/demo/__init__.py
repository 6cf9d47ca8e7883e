"""The demonstration: sandbox, bot, embedded server and an agent, each in a process of its own.

- `stage`: starts and stops the processes
- `agent`: the agent's process
- `show`: for a person at the page
- `auto`: plays the person too, and checks
"""

from .auto import play
from .show import show_demo

__all__ = ["play", "show_demo"]
