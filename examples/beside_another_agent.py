"""For a host that has a package ``agent`` of its own: Limner, imported under another name.

Limner's own imports are all relative, so the name it is loaded by does not matter. Copy this
function; ``load()`` once, before anything else needs it.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType


def load(name: str = "limner_agent") -> ModuleType:
    """The installed Limner as the package ``name``; ``import limner_agent.errors`` works then."""
    if name in sys.modules:
        return sys.modules[name]
    folder = Path(str(distribution("limner").locate_file("agent")))
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} holds no Limner")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    limner = load()
    with limner.SyncImageAgent() as easel:
        print(easel.run(limner.TurnRequest(text="a red kite")).images[0].path)
