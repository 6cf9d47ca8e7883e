"""Golden files: what people see, kept as files that a reviewer can read.

Run the tests once with `SIGNOFF_UPDATE_GOLDENS=1` to write the files anew; look at the difference
before it is kept. A test that wrote its file still fails on what the file cannot hold.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def same_as_golden(path: str, value: Any) -> None:
    """Assert that *value* is what the golden file *path* holds.

    Args:
        path: Below this folder. `.json` files hold a JSON value, others hold text.
        value: JSON value or text.
    """
    file = HERE / path
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    text = text.removesuffix("\n") + "\n"
    if os.environ.get("SIGNOFF_UPDATE_GOLDENS") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    known = file.read_text(encoding="utf-8") if file.exists() else "(no golden file)"
    assert known == text, f"{path} differs; SIGNOFF_UPDATE_GOLDENS=1 writes it anew"
