"""The library that writes PDFs, taken as it is shipped: one PDF at a time, nothing of a home folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Final

_one_at_a_time: Final = threading.Lock()
_PERSONAL: Final = ("reportlab_mods", "reportlab_settings")
"""What the library runs from ``~/.reportlab_…`` when no module of the name is installed."""


@contextmanager
def library() -> Iterator[None]:
    """For the making of one PDF. Its fonts and settings belong to the whole process, hence the lock."""
    with _one_at_a_time:
        _shield()
        from reportlab import rl_config

        before = rl_config.useA85
        rl_config.useA85 = 0  # text armour, which makes every picture a quarter larger
        try:
            yield
        finally:
            rl_config.useA85 = before


def _shield() -> None:
    """A file in a home must neither change what a poster looks like nor be run by making one."""
    if "reportlab" in sys.modules:
        return
    for name in _PERSONAL:
        if find_spec(name) is None:
            sys.modules[name] = ModuleType(name)
