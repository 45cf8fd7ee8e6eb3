"""OpenAI's published schema, where its checker lies beside the repository; read once per process."""

from __future__ import annotations

import importlib.util
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CHECK = Path(__file__).resolve().parents[2] / "shared" / "wire" / "openapi" / "check.py"

at_hand = pytest.mark.skipif(
    not CHECK.exists(), reason="the published schema is not beside the repository"
)


@cache
def _checker() -> Any:
    spec = importlib.util.spec_from_file_location("published_schema", CHECK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        spec.loader.exec_module(module)  # it leaves its file open
    return module


def complaints(schema: str, *values: object) -> list[str]:
    """What the schema of that name has against these values."""
    return [text for value in values for text in _checker().errors(schema, value)]
