"""Several profiles: the next one only after a failure that is known and drew nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from agent import ImageAgent, ImageOptions, Settings, TurnRequest, load_settings, open_agent
from agent.errors import KeyMissing, SettingsError
from agent.events import AttemptSent, Event, Terminal, TurnNotice
from agent.kit import Room
from agent.offline import Offline

from .conftest import Serve
from .gateway import served

SMALL = ImageOptions(size="1024x640", quality="low")
NOBODY = "http://127.0.0.1:9/v1"
"""The port where everything is discarded: nothing listens there."""


def settings_for(folder: Path, urls: dict[str, str], *, extra: str = "") -> Settings:
    """Profiles in the order given, the first one chosen, the others its fallback."""
    home = folder / "home"
    (home / "config").mkdir(parents=True, exist_ok=True)
    first, *others = urls
    tables = [
        f'[profiles.{name}]\nbase_url = "{url}"\napi_key_env = "KEY_OF_{name.upper()}"\n'
        + (f"fallback = {others}\n{extra}" if name == first and others else "")
        for name, url in urls.items()
    ]
    (home / "config" / "config.toml").write_text(f'profile = "{first}"\n' + "\n".join(tables))
    keys = {f"KEY_OF_{name.upper()}": f"sk-{name}-0123456789" for name in urls}
    env = {"HOME": str(home), "LIMNER_HOME": str(home / "data"), **keys}
    return load_settings(env=env, cwd=home, config_dir=home / "config")


@asynccontextmanager
async def going_on(
    folder: Path, *servers: Offline | str, extra: str = ""
) -> AsyncIterator[ImageAgent]:
    """An agent on profiles ``a``, ``b``, …, each on its server."""
    async with AsyncExitStack() as stack:
        urls = {
            name: server
            if isinstance(server, str)
            else await stack.enter_async_context(served(server))
            for name, server in zip("abc", servers, strict=False)
        }
        settings = settings_for(folder, urls, extra=extra)
        yield await stack.enter_async_context(open_agent(settings))


async def drawn(agent: ImageAgent, text: str = "a kite") -> tuple[Terminal, list[Event]]:
    events: list[Event] = []
    with anyio.fail_after(20):
        async with aclosing(agent.stream(TurnRequest(text=text, options=SMALL))) as stream:
            events = [event async for event in stream]
    assert isinstance(events[-1], Terminal)
    return events[-1], events


def generations(server: Offline) -> object:
    return server.counters.get("generations", 0)


@pytest.mark.parametrize("fault", ["401", "quota", "usage-limit", "429-long", "tool-stripped"])
async def test_what_is_known_not_to_have_been_drawn_goes_on_with_the_next_profile(
    fault: str, serve: Serve, tmp_path: Path
) -> None:
    first, second = serve(fault), serve()

    async with going_on(tmp_path, first, second) as agent:
        ended, events = await drawn(agent)
        tried = await agent.store.attempts(turn=ended.turn)
        [turn] = [t for t in await agent.store.turns(ended.images[0].session) if t.id == ended.turn]

    assert (ended.outcome, ended.profile, turn.profile) == ("image", "b", "b")
    assert [(a.profile, a.number) for a in tried] == [("a", 1), ("b", 2)]
    assert tried[0].key_fingerprint != tried[1].key_fingerprint
    assert [e.profile for e in events if isinstance(e, AttemptSent)] == ["a", "b"]
    moved = [e.message for e in events if isinstance(e, TurnNotice) and e.code == "profile_changed"]
    assert [each.partition(" (a failed: ")[0] for each in moved] == ["going on with profile b"]
    assert (generations(first), generations(second)) == (0, 1)


async def test_a_server_that_is_not_there_is_passed_over(serve: Serve, tmp_path: Path) -> None:
    second = serve()

    async with going_on(tmp_path, NOBODY, second) as agent:
        ended, _ = await drawn(agent)

    assert (ended.outcome, ended.profile) == ("image", "b")
    assert len(ended.attempts) == 2, "nobody waits for a server while another is there"


@pytest.mark.parametrize("fault", ["drop-after", "502", "524", "error-in-200", "truncate"])
async def test_what_may_have_been_drawn_stays_where_it_is(
    fault: str, serve: Serve, tmp_path: Path
) -> None:
    first, second = serve(fault), serve()

    async with going_on(tmp_path, first, second) as agent:
        ended, _ = await drawn(agent)

    assert (ended.outcome, ended.profile) == ("unknown", "a")
    assert second.counters.get("requests", 0) == 0


@pytest.mark.parametrize("fault", ["moderation-400", "failed-item", "refusal-part"])
async def test_a_refusal_is_not_carried_to_another_server(
    fault: str, serve: Serve, tmp_path: Path
) -> None:
    first, second = serve(fault), serve()

    async with going_on(tmp_path, first, second) as agent:
        ended, _ = await drawn(agent)

    assert (ended.outcome, ended.profile) == ("refused", "a")
    assert second.counters.get("requests", 0) == 0


async def test_profiles_are_tried_in_order_and_the_last_failure_is_told(
    serve: Serve, tmp_path: Path
) -> None:
    servers = serve("quota"), serve("401"), serve("usage-limit")

    async with going_on(tmp_path, *servers) as agent:
        ended, _ = await drawn(agent)

    assert ended.error is not None
    assert (ended.profile, ended.error.code, ended.exit_code) == ("c", "usage_window", 8)
    assert [a.billed for a in ended.attempts] == ["no", "no", "no"]
    assert [server.counters["requests"] for server in servers] == [1, 1, 1]


async def test_the_next_turn_begins_with_the_first_profile_again(
    serve: Serve, tmp_path: Path
) -> None:
    first, second = serve("quota:first=1"), serve()

    async with going_on(tmp_path, first, second) as agent:
        profiles = [(await drawn(agent))[0].profile for _ in range(2)]

    assert profiles == ["b", "a"]


@pytest.mark.parametrize(
    ("fallback", "words"),
    [
        ("['nobody']", "no profile 'nobody'"),
        ("['a']", "is the profile itself"),
        ("['offline']", "draws with no model"),
    ],
)
async def test_a_fallback_that_cannot_be_one_is_said_before_anything_is_sent(
    fallback: str, words: str, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, {"a": NOBODY})
    file = settings.config_dir / "config.toml"
    file.write_text(file.read_text() + f"fallback = {fallback}\n")
    env = {
        "HOME": str(tmp_path / "home"),
        "LIMNER_HOME": str(tmp_path / "d"),
        "KEY_OF_A": "sk-a123",
    }
    settings = load_settings(env=env, cwd=tmp_path, config_dir=settings.config_dir)

    with pytest.raises(SettingsError, match=words):
        async with open_agent(settings):
            pass


async def test_a_fallback_without_its_key_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"a": NOBODY, "b": NOBODY})
    env = {
        "HOME": str(tmp_path / "home"),
        "LIMNER_HOME": str(tmp_path / "d"),
        "KEY_OF_A": "sk-a123",
    }
    settings = load_settings(env=env, cwd=tmp_path, config_dir=settings.config_dir)

    with pytest.raises(KeyMissing, match="profile b: no key"):
        async with open_agent(settings):
            pass


# ── how many at once ─────────────────────────────────────────────────────────────────────────


async def most_at_once(room: Room, *sizes: str) -> int:
    """The largest number that were inside together, all wanting to be."""
    inside, most = 0, 0

    async def one(size: str) -> None:
        nonlocal inside, most
        async with room.place(ImageOptions(size=size)):
            inside += 1
            most = max(most, inside)
            await anyio.wait_all_tasks_blocked()
            inside -= 1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for size in sizes:
                tasks.start_soon(one, size)
    return most


async def test_a_profile_has_so_many_requests_under_way_and_no_more() -> None:
    assert await most_at_once(Room(2), *["1024x1024"] * 5) == 2
    assert await most_at_once(Room(), *["1024x1024"] * 5) == 5


async def test_large_pictures_have_fewer_places_and_take_one_of_all() -> None:
    assert await most_at_once(Room(4, large=1), *["3840x2160"] * 3) == 1
    assert await most_at_once(Room(4, large=1), *["3840x2160"] * 3, *["1024x1024"] * 5) == 4
    assert await most_at_once(Room(2, large=2), *["3840x2160"] * 3, "auto", "1024x1024") == 2


async def test_a_turn_that_waits_for_its_place_was_not_sent(serve: Serve, tmp_path: Path) -> None:
    server, story = serve("stall:first=1"), set[str]()

    async with going_on(
        tmp_path, server, serve(), extra="concurrency = 1\nsilence_s = 0.3\n"
    ) as agent:

        async def run(text: str, begun: anyio.Event) -> None:
            async with aclosing(agent.stream(TurnRequest(text=text, options=SMALL))) as events:
                async for event in events:
                    if isinstance(event, AttemptSent | Terminal):
                        story.add(f"{text} {event.type}")
                        begun.set()

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                under_way = anyio.Event()
                tasks.start_soon(run, "first", under_way)
                await under_way.wait()
                tasks.start_soon(run, "second", anyio.Event())
        first, second = sorted(await agent.store.attempts(), key=lambda each: each.created)

    assert story >= {"first turn.failed", "second turn.completed"}
    assert first.settled is not None
    assert second.sent is not None
    assert second.created >= first.settled
