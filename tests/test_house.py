"""The house of DESIGN section 1, as a test: who may import whom, and how big a room may get."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "agent"
NOUNS = {
    "errors",
    "files",
    "hosts",
    "schema",
    "results",
    "events",
    "settings",
    "buckets",
    "toml_file",
    "layers",
    "profiles",
    "keys",
    "tenants",
    "protocols",
    "traffic",
}
LOGS = {"logs"}
RUNNER = {
    "runner",
    "again",
    "kit",
    "opening",
    "attempts",
    "keeping",
    "aside",
    "naming",
    "receipts",
    "addresses",
    "asking",
    "onward",
    "screening",
    "taking",
    "policies",
}
NOUN_ORDER = (
    "errors",
    "files",
    "hosts",
    "schema",
    "results",
    "events",
    "traffic",
    "protocols",
    "keys",
    "buckets",
    "toml_file",
    "layers",
    "profiles",
    "tenants",
    "settings",
)

# room → (rooms of ours it may import, third parties it may import)
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "nouns": (NOUNS, {"pydantic"}),
    "ids": (NOUNS, set()),
    "logs": (NOUNS, {"structlog"}),
    "safety": (NOUNS | {"safety"}, {"yaml", "ahocorasick_rs"}),
    "wire": (NOUNS | {"wire"}, {"pydantic", "python_multipart"}),
    "turn": (NOUNS | {"turn", "wire"}, {"pydantic"}),
    "upstream": (
        NOUNS | LOGS | {"upstream", "wire", "turn.capabilities"},
        {"httpx2", "tenacity", "anyio", "pydantic"},
    ),
    "store": (
        NOUNS | LOGS | {"store"},
        {"sqlalchemy", "alembic", "filelock", "anyio", "pydantic", "obstore"},
    ),
    "derive": (NOUNS | {"derive"}, {"PIL"}),
    "typeset": ({"errors", "typeset"}, {"PIL"}),
    "offline": (
        NOUNS | {"offline", "wire", "typeset"},
        {"PIL", "anyio", "starlette", "uvicorn", "pydantic", "python_multipart"},
    ),
    "runner": (
        NOUNS | LOGS | RUNNER | {"safety", "turn", "wire"},
        {"anyio", "pydantic"},
    ),
    "factory": (
        NOUNS
        | RUNNER
        | {"ids", "logs", "safety", "wire", "turn", "upstream", "store", "derive", "offline"},
        {"anyio"},
    ),
    "doctor": (
        NOUNS
        | RUNNER
        | {"", "ids", "logs", "safety", "wire", "turn", "upstream", "store", "derive", "offline"}
        | {"factory", "doctor", "typeset"}
        | {"batch"},  # the queue of batches, to look at it
        {"anyio", "pydantic"},
    ),
    "poster": (
        NOUNS
        | {"", "safety", "turn.pricing", "turn.capabilities", "turn.prompts", "derive"}
        | {"typeset", "poster"},
        {
            "PIL",
            "anyio",
            "filelock",
            "pydantic",
            "pydantic_core",
            "yaml",
            "segno",
            "zxingcpp",
            "reportlab",
            "fontTools",
        },
    ),
    "batch": (
        NOUNS | {"", "safety", "turn.pricing", "turn.capabilities", "derive", "poster", "batch"},
        {"PIL", "anyio", "filelock", "pydantic", "pydantic_core", "dbos"},
    ),
    "relay": (
        NOUNS | LOGS | RUNNER | {"safety", "turn", "wire", "relay"},
        {"anyio", "pydantic"},
    ),
    "sync": (NOUNS | RUNNER | {"factory", "offline"}, {"anyio", "pydantic"}),
    "front desk": (NOUNS | RUNNER | {"factory", "sync", "poster"}, set()),
    "doors/api": (
        NOUNS
        | {"", "addresses", "factory", "kit", "logs", "turn.lineage", "wire", "relay", "doors.api"},
        {"fastapi", "starlette", "uvicorn", "anyio", "pydantic"},
    ),
    "doors/mcp": (
        NOUNS | {"", "factory", "logs", "turn.lineage", "poster", "doors.mcp"},
        {"mcp", "mcp_types", "starlette", "uvicorn", "anyio", "pydantic", "pydantic_core", "PIL"},
    ),
    "doors/cli": (
        NOUNS
        | {"", "factory", "doctor", "offline", "turn.lineage", "logs", "doors.cli", "policies"}
        | {
            "poster",
            "batch",
            "doors.api",
            "doors.mcp",
        },  # it starts the other doors, and nothing more
        {"click", "rich", "prompt_toolkit", "anyio", "PIL", "pydantic"},
    ),
}
SPECIAL = {  # a third party for one module alone
    "settings": {"platformdirs"},
    "keys": {"filelock", "platformdirs"},
    "sync": {"anyio"},
}
LOOKED_AT = (
    ast.Import,
    ast.ImportFrom,
    ast.If,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Compare,
)
LONG_TABLES = {"upstream/dialects.py", "turn/capabilities.py"}


@cache
def parsed(path: Path) -> tuple[ast.Module, tuple[ast.AST, ...]]:
    """The module, and those of its nodes that any test here looks at: walking is what takes long."""
    tree = ast.parse(path.read_text("utf-8"))
    return tree, tuple(node for node in ast.walk(tree) if isinstance(node, LOOKED_AT))


def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return parsed(path)[1]


@cache
def modules() -> tuple[Path, ...]:
    return tuple(p for p in sorted(ROOT.rglob("*.py")) if "_data" not in p.parts)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    head, _, rest = module.partition(".")
    if not module:
        return "front desk"
    if head in NOUNS:
        return "nouns"
    if head in RUNNER:
        return "runner"
    return f"doors/{rest.split('.')[0]}" if head == "doors" and rest else head


@cache
def imports_of(path: Path) -> tuple[tuple[bool, str, bool], ...]:
    """(ours, dotted name, at run time and at the top of the module) of every import."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[bool, str, bool]]:
    tree, nodes = parsed(path)
    typing_only = {
        id(node)
        for block in nodes
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    top = {id(node) for node in tree.body}
    package = (
        name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    )
    package = [part for part in package if part]
    for node in nodes:
        eager = id(node) in top and id(node) not in typing_only
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield False, alias.name.split(".")[0], eager
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield False, (node.module or "").split(".")[0], eager
                continue
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module or "").split(".")]
            for alias in node.names:
                full = ".".join(part for part in [*target, alias.name] if part)
                yield True, full if is_module(full) else ".".join(p for p in target if p), eager


@cache
def is_module(dotted: str) -> bool:
    place = ROOT.joinpath(*dotted.split("."))
    return place.with_suffix(".py").is_file() or place.is_dir()


def third_parties(module: str) -> set[str]:
    _, room = TABLE[room_of(module)]
    special = SPECIAL.get(module.split(".", maxsplit=1)[0], set())
    return {"agent", "tests"} | set(sys.stdlib_module_names) | room | special


def allowed(module: str, target: str) -> bool:
    ours, _ = TABLE[room_of(module)]
    if room_of(module) == "doors" or module == "doors":
        return False
    return any(target == a or target.startswith(f"{a}.") for a in ours if a) or (
        target == "" and "" in ours
    )


def test_a_module_imports_only_what_its_room_may() -> None:
    wrong = [
        (module, target)
        for path in modules()
        if (module := name_of(path)) != "doors"
        for ours, target, _ in imports_of(path)
        if (not allowed(module, target) if ours else target not in third_parties(module))
    ]

    assert not wrong


def test_the_nouns_import_each_other_downward_only() -> None:
    rank = {name: place for place, name in enumerate(NOUN_ORDER)}
    upward = [
        (module, target)
        for path in modules()
        if (module := name_of(path)) in NOUNS
        for ours, target, eager in imports_of(path)
        if ours and eager and rank[target] >= rank[module]
    ]

    assert not upward


def test_no_two_modules_need_each_other_to_load() -> None:
    graph = {
        name_of(path): {t for ours, t, eager in imports_of(path) if ours and eager}
        for path in modules()
    }

    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph.get(start, ()))
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo.extend(graph.get(at, ()))
        return seen

    assert [name for name in graph if name and name in reaches(name)] == []


def test_only_the_factory_joins_upstream_and_offline() -> None:
    both = [
        name_of(path)
        for path in modules()
        if {"upstream", "offline"} <= {t.split(".")[0] for ours, t, _ in imports_of(path) if ours}
    ]

    assert both == ["factory"]


def test_modules_stay_within_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
        and str(path.relative_to(ROOT)) not in LONG_TABLES
    }

    assert not long


def functions() -> Iterator[tuple[str, int]]:
    for path in modules():
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_70_lines() -> None:
    assert [name for name, lines in functions() if lines > 70] == []


def test_nine_functions_in_ten_fit_in_30_lines() -> None:
    lengths = sorted(lines for _, lines in functions())

    assert lengths[int(len(lengths) * 0.9)] <= 30


def test_no_cancel_scope_is_open_across_a_yield_of_an_async_generator() -> None:
    """Measured to bite: the scope ends in another task when the consumer leaves early."""
    scopes = ("CancelScope", "fail_after", "move_on_after", "fail_at", "create_task_group")
    wrong = []
    for path in modules():
        for function in nodes_of(path):
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            for block in ast.walk(function):
                if not isinstance(block, ast.With | ast.AsyncWith):
                    continue
                opens = any(
                    isinstance(n, ast.Call) and ast.unparse(n.func).split(".")[-1] in scopes
                    for item in block.items
                    for n in ast.walk(item.context_expr)
                )
                if opens and any(isinstance(n, ast.Yield) for s in block.body for n in ast.walk(s)):
                    wrong.append(f"{path.relative_to(ROOT)}:{block.lineno}")

    assert wrong == []


def test_gateways_are_named_in_the_dialect_tables_alone() -> None:
    names = ("sub2api", "new-api", "3hei", "hingnet")
    outside = [
        str(path.relative_to(ROOT))
        for path in modules()
        for node in nodes_of(path)
        if isinstance(node, ast.Compare)
        and any(
            isinstance(c, ast.Constant) and isinstance(c.value, str) and c.value in names
            for c in [node.left, *node.comparators]
        )
    ]

    assert [o for o in outside if not o.startswith("offline/")] == []
