"""The policy: which calls run, which are asked about and which are refused, by rules.

The modules, in reading order:

- `target`: what a rule looks at
- `fit`: yes, no, and "cannot be told"
- `globs`, `paths`, `commands`, `addresses`: patterns, and the one reading of what they are for
- `selectors`, `conditions`: the parts of a rule as data; `matchers`: what developers write
- `rules`, `permission`: a rule, and rules in order
- `widening`, `lint`: two policies compared, and one looked at
- `document`, `file`: a policy as text, and in a file; the only module here that reads anything
"""

from .document import PolicyDocument, read_policy
from .file import PolicyFile, read_policy_file
from .fit import Fit
from .globs import compile_globs
from .lint import PolicyFinding, lint_policy
from .matchers import (
    any_of_kind,
    fs_glob,
    memory_category,
    only_args,
    shell_glob,
    tool_named,
    url_pattern,
    with_args,
)
from .paths import normal_path
from .permission import PermissionDecision, PermissionPolicy
from .rules import Effect, Rule
from .selectors import Matcher
from .target import PermissionTarget
from .widening import widening

__all__ = [
    "Effect",
    "Fit",
    "Matcher",
    "PermissionDecision",
    "PermissionPolicy",
    "PermissionTarget",
    "PolicyDocument",
    "PolicyFile",
    "PolicyFinding",
    "Rule",
    "any_of_kind",
    "compile_globs",
    "fs_glob",
    "lint_policy",
    "memory_category",
    "normal_path",
    "only_args",
    "read_policy",
    "read_policy_file",
    "shell_glob",
    "tool_named",
    "url_pattern",
    "widening",
    "with_args",
]
