"""The doctor: what is looked at for free, what a probe proves, what a sandwich shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from agent import ImageOptions, Settings, TurnRequest, load_settings, open_agent
from agent.doctor import Check, Examination, examine
from agent.doctor.findings import proved, save
from agent.doctor.probe import open_probe
from agent.doctor.program import shadowing
from agent.doctor.report import Probed
from agent.doctor.server import checks as server_checks
from agent.doctor.setup import facts, forget_server
from agent.errors import SettingsError, UsageError
from agent.layers import ProfileOptions
from agent.offline import Offline
from agent.traffic import Dialect
from agent.upstream import proved as saved
from agent.upstream.dialects import DIALECTS
from agent.upstream.narrowing import Fact, ServerMemory, narrowed
from agent.upstream.reach import Seen, look

from .conftest import Serve, Ticking, settings_in
from .gateway import Json, served
from .upstream.serving import PROFILE, Server

KEY = "sk-doctor-0123456789abcdef"
SMALL = ImageOptions(size="1024x640", quality="low")


async def examined(settings: Settings, env: dict[str, str] | None = None) -> Examination:
    return await examine(settings, env=env or {}, here=settings.config_dir.parent)


def found(examination: Examination, name: str) -> Check:
    [check] = [check for check in examination.checks if check.name == name]
    return check


# ── free ─────────────────────────────────────────────────────────────────────────────────────


async def test_without_any_configuration_nothing_is_wrong(settings: Settings) -> None:
    examination = await examined(settings)

    assert examination.exit_code == 0
    assert "no server" in found(examination, "profile").text
    assert {check.status for check in examination.checks} == {"ok"}


async def test_a_server_that_lists_the_model_is_well_and_its_key_is_never_shown(
    serve: Serve, tmp_path: Path
) -> None:
    async with served(serve()) as url:
        bare = url.removesuffix("/v1")
        env = {"OPENAI_BASE_URL": bare, "OPENAI_API_KEY": KEY}
        examination = await examined(settings_in(tmp_path, **env), env)

    assert examination.exit_code == 0
    assert found(examination, "url").text == f"{bare} is taken as {url}"
    assert "fingerprint" in found(examination, "key").text
    assert "gpt-image-2 is among the models" in found(examination, "models").text
    assert found(examination, "clock").status == "ok"
    assert KEY not in examination.model_dump_json()


async def test_a_url_without_its_key_is_exit_4_and_the_rest_is_still_looked_at(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, OPENAI_BASE_URL="https://gateway.example/v1")

    examination = await examined(settings)

    assert examination.exit_code == 4
    assert found(examination, "key").status == "wrong"
    assert found(examination, "store").status == "ok"


async def test_a_refused_key_is_exit_4(serve: Serve, tmp_path: Path) -> None:
    async with served(serve(dialect="sub2api")) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-wrong-0123456789"}
        examination = await examined(settings_in(tmp_path, **env), env)

    assert examination.exit_code == 4
    assert "refuses the key (401)" in found(examination, "reachable").text


async def test_a_server_that_is_not_there_is_exit_1(tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": KEY}

    examination = await examined(settings_in(tmp_path, **env), env)

    assert examination.exit_code == 1
    assert "No connection" in found(examination, "reachable").text


async def test_a_store_that_cannot_be_opened_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    env = {"HOME": str(tmp_path), "LIMNER_HOME": str(tmp_path / "file")}
    settings = load_settings(env=env, cwd=tmp_path, config_dir=tmp_path / "config")

    examination = await examined(settings)

    assert (examination.exit_code, found(examination, "store").status) == (1, "wrong")


async def test_a_dialect_that_nobody_knows_is_wrong_and_the_rest_is_still_looked_at(
    tmp_path: Path,
) -> None:
    settings = settings_in(
        tmp_path,
        OPENAI_BASE_URL="https://gateway.example/v1",
        OPENAI_API_KEY=KEY,
        LIMNER_DIALECT="nosuch",
    )

    examination = await examined(settings)

    assert examination.exit_code == 1
    assert "'nosuch'   (env LIMNER_DIALECT)" in found(examination, "profile").text.replace(".", "")
    assert found(examination, "store").status == "ok"


async def test_every_setting_that_was_made_is_shown_with_who_made_it(tmp_path: Path) -> None:
    examination = await examined(settings_in(tmp_path, LIMNER_SIZE="1536x1024"))

    said = [check.text for check in examination.checks if check.name == "setting"]
    assert "size = 1536x1024   (env LIMNER_SIZE)" in said


def test_another_package_or_file_called_agent_is_told(tmp_path: Path) -> None:
    (tmp_path / "agent.py").touch()

    checks = list(shadowing(tmp_path, owners=["agent", "limner"], path=["", str(tmp_path)]))

    assert [check.status for check in checks] == ["warning", "warning"]
    assert "agent also installs" in checks[0].text
    assert str(tmp_path / "agent.py") in checks[1].text


def test_ours_alone_shadows_nothing(tmp_path: Path) -> None:
    assert list(shadowing(tmp_path, owners=["limner"], path=[str(tmp_path)])) == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "verdict", "words"),
    [
        (200, {}, b'{"data": [{"id": "gpt-5.5"}]}', "models", "ok", "1 model,"),
        (200, {}, b"<html><title>Welcome</title>", "page", "wrong", "Welcome"),
        (502, {}, b"<html><title>Bad gateway</title>", "page", "wrong", "502"),
        (404, {}, b'{"error": {"message": "no route"}}', "json", "warning", "no route"),
        (404, {}, b'{"detail": "Not Found"}', "json", "warning", "Not Found"),
        (429, {}, b'{"error": {"message": "slow down"}}', "json", "warning", "slow down"),
        (500, {}, b'{"error": {"message": "oh"}}', "json", "wrong", "oh"),
        (200, {}, b'{"models": 3}', "json", "note", "200"),
        (200, {}, b"", "page", "wrong", "an empty answer"),
        (403, {}, b'{"code": "ACCESS_DENIED"}', "json", "wrong", "ACCESS_DENIED"),
        (
            301,
            {"location": "https://other.example/v1/models"},
            b"",
            "redirect",
            "wrong",
            "other.example",
        ),
    ],
)
async def test_what_stands_at_an_address_is_judged(
    status: int,
    headers: dict[str, str],
    body: bytes,
    kind: str,
    verdict: str,
    words: str,
    clock: Ticking,
) -> None:
    server = Server(steps=(body,), status=status, headers=headers)

    seen = await look(PROFILE, clock=clock, transport=server)
    check = next(server_checks(seen, image_model="gpt-image-2"))

    assert (seen.kind, check.status) == (kind, verdict)
    assert words in check.text + check.hint
    assert check.key == (status == 403)


@pytest.mark.parametrize(
    ("leads_to", "words"),
    [
        ("{scheme}://{host}/api/models", "same host: set base_url to {scheme}://{host}/api"),
        ("/v2/models", "same host: set base_url to {scheme}://{host}/v2"),
        ("https://api.elsewhere.example/v1/models", "is another host than"),
        ("//elsewhere.example/v1/models", "is another host than"),
        ("javascript:alert(1)", "no address of a server"),
        ("http://{host}/v1/models", "not encrypted"),
    ],
)
async def test_a_redirect_is_not_followed_and_only_the_same_host_is_advised(
    leads_to: str, words: str, clock: Ticking
) -> None:
    here = urlsplit(PROFILE.base_url)
    of = {"scheme": here.scheme, "host": here.netloc}
    server = Server(status=308, headers={"location": leads_to.format(**of)})

    check = next(server_checks(await look(PROFILE, clock=clock, transport=server), image_model="x"))

    assert words.format(**of) in check.hint
    assert ("set base_url" in check.hint) == ("same host" in words)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectError("refused"), "nothing"),
        (httpx2.ReadTimeout("late"), "silence"),
        (httpx2.UnsupportedProtocol("ftp"), "unusable"),
        (OSError("no route"), "nothing"),
    ],
)
async def test_why_there_is_no_answer_is_told_apart(
    error: Exception, kind: str, clock: Ticking
) -> None:
    seen = await look(PROFILE, clock=clock, transport=Server(at_once=error))

    assert seen.kind == kind
    assert next(server_checks(seen, image_model="x")).status == "wrong"


@pytest.mark.parametrize("proxy", ["socks9://127.0.0.1:1", "http://127.0.0.1:99999"])
async def test_a_proxy_that_cannot_be_is_told_as_no_connection(
    proxy: str, clock: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it was an error of Limner's own."""
    monkeypatch.setenv("ALL_PROXY", proxy)

    seen = await look(replace(PROFILE, base_url="http://192.0.2.1/v1"), clock=clock)

    assert seen.kind == "nothing"


def test_a_model_that_is_not_listed_is_no_failure() -> None:
    seen = Seen(url="u", kind="models", status=200, models=("gpt-5.5",))

    _, models = server_checks(seen, image_model="gpt-image-2")

    assert models.status == "note"
    assert "no failure" in models.text


@pytest.mark.parametrize(("skew", "status"), [(3.0, "ok"), (-7200.0, "warning"), (61.0, "warning")])
def test_clocks_that_disagree_are_told(skew: float, status: str) -> None:
    seen = Seen(url="u", kind="models", status=200, models=("gpt-image-2",), skew_s=skew)

    assert [c.status for c in server_checks(seen, image_model="gpt-image-2")][-1] == status


async def test_the_clock_of_the_server_is_read_from_its_date(clock: Ticking) -> None:
    server = Server(steps=(b'{"data": []}',), headers={"date": "Fri, 02 Jan 2026 04:04:05 GMT"})

    seen = await look(PROFILE, clock=clock, transport=server)

    assert seen.skew_s is not None
    assert 3590 < seen.skew_s <= 3600


# ── what is remembered ───────────────────────────────────────────────────────────────────────

PROUD = Dialect(name="proud", tool_choice=True, structured_output=True)


def test_facts_narrow_and_never_widen() -> None:
    shown: tuple[Fact, ...] = ("tool_choice_rejected", "stream_answered_whole")

    less = narrowed(PROUD, shown)

    assert (less.tool_choice, less.streaming, less.structured_output) == (False, False, True)
    assert narrowed(Dialect(name="careful"), shown).tool_choice is False
    assert narrowed(PROUD, ()) is PROUD
    assert {name for name, _ in less.evidence} == {"tool_choice", "streaming"}


def test_what_is_remembered_survives_and_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "servers.json"
    ServerMemory(path).add("https://a/v1", {"tool_stripped"}, at="2026-11-20")
    ServerMemory(path).add("https://a/v1", {"tool_stripped", "tool_choice_rejected"}, at="later")

    memory = ServerMemory(path)

    assert memory.facts("https://a/v1") == {
        "tool_choice_rejected": "later",
        "tool_stripped": "2026-11-20",
    }
    assert memory.facts("https://b/v1") == {}
    assert list(memory.known()) == ["https://a/v1"]
    assert memory.forget("https://a/v1")
    assert not memory.forget("https://a/v1")
    assert memory.facts("https://a/v1") == {}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"servers": 3}', b"\xff\xfe", b'{"v": 9}'])
def test_a_damaged_memory_is_an_empty_one(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.write_bytes(damage)
    memory = ServerMemory(path)

    assert memory.facts("https://a/v1") == {}
    memory.add("https://a/v1", {"tool_stripped"}, at="now")
    assert memory.facts("https://a/v1") == {"tool_stripped": "now"}


def test_a_memory_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = ServerMemory(tmp_path / "file" / "servers.json")

    memory.add("https://a/v1", {"tool_stripped"}, at="now")

    assert memory.facts("https://a/v1") == {}


async def test_what_was_learned_is_shown_and_forget_server_forgets_it(
    serve: Serve, tmp_path: Path
) -> None:
    async with served(serve("json-on-stream")) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
        settings = settings_in(tmp_path, **env)
        async with open_agent(settings) as agent:
            await agent.run(TurnRequest(text="a kite", options=SMALL))
        before = await examined(settings, env)
        known_as = forget_server(settings, url.removesuffix("/v1"))
        after = await examined(settings, env)

    assert "stream answered whole" in found(before, "learned").text
    assert any(c.text.startswith("streaming = no") for c in before.checks)
    assert known_as == url
    assert forget_server(settings, url) is None
    assert not [c for c in after.checks if c.name == "learned"]


FACTS = saved.Proved(
    base_url="https://a/v1",
    probed="2026-11-20",
    facts=saved.Facts(tool_choice=True, streaming=False, edit_body="json"),
    evidence={"tool_choice": 'said "yes" \\ 图 \U0001f3a8 \x01\x7f'},
)


def test_saved_facts_come_back_as_they_were_and_widen_the_dialect(tmp_path: Path) -> None:
    saved.write(tmp_path, "gw", FACTS)

    read = saved.read(tmp_path, "gw")

    assert read is not None
    assert read.facts == FACTS.facts
    assert read.evidence["tool_choice"].startswith('said "yes" \\ 图 \U0001f3a8')
    plain = Dialect(name="generic", transparency=True)
    wide = saved.applied(plain, read, base_url="https://a/v1")
    assert (wide.tool_choice, wide.streaming, wide.edit_body) == (True, False, "json")
    assert wide.transparency, "what was not decided stays"
    assert saved.applied(plain, read, base_url="https://b/v1") is plain
    assert saved.read(tmp_path, "other") is None


@pytest.mark.parametrize("text", ["base_url = 3", "= nonsense", 'base_url="x"\nprobed="y"\nmore=1'])
def test_a_saved_file_that_cannot_be_used_names_itself(text: str, tmp_path: Path) -> None:
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers" / "gw.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"gw\.toml: cannot be used"):
        saved.read(tmp_path, "gw")


async def test_saved_facts_of_another_address_are_told_and_do_not_count(
    serve: Serve, tmp_path: Path
) -> None:
    async with served(serve()) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
        settings = settings_in(tmp_path, **env)
        [name] = settings.profiles
        saved.write(settings.config_dir, name, FACTS)
        examination = await examined(settings, env)
        assert found(examination, "saved").status == "warning"

        saved.write(settings.config_dir, name, FACTS.model_copy(update={"base_url": url}))
        examination = await examined(settings, env)

    assert found(examination, "saved").status == "ok"
    assert any(c.text.startswith("tool_choice = yes") for c in examination.checks)


# ── the probe ────────────────────────────────────────────────────────────────────────────────


async def probed(
    server: Offline, folder: Path, *only: str
) -> tuple[dict[str, Probed], Settings, str]:
    async with served(server) as url:
        settings = settings_in(folder, OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY)
        async with open_probe(settings, None) as probe:
            plan = probe.plan(only)
            assert plan.cost.amount is not None
            assert server.counters.get("requests", 0) == 0, "a plan sends nothing"
            rows = {row.fact: row async for row in probe.run(only)}
            attempts = await probe.bench.kit.store.attempts()
    assert len(attempts) == server.counters["requests"], "each request is in the ledger"
    assert all(attempt.state not in ("intent", "sent") for attempt in attempts)
    return rows, settings, url


async def test_a_probe_of_everything_is_a_table_with_evidence(tmp_path: Path) -> None:
    from agent.offline import OfflineOptions

    server = Offline(OfflineOptions(dialect="sub2api", draw="tiny"))

    rows, settings, url = await probed(server, tmp_path)

    said = {fact: row.supported for fact, row in rows.items()}
    assert said == {
        "image_tool": "yes",
        "preamble": "yes",
        "sizes": "yes",
        "streaming": "yes",
        "partials": "yes",
        "tool_choice": "yes",
        "stores_responses": "no",
        "mask": "yes",
        "transparency": "yes",
        "structured_output": "yes",
        "images_api": "yes",
        "url": "no",
        "edit_multipart": "yes",
        "edit_json": "yes",
    }
    assert all(row.evidence for row in rows.values())
    decided = proved(rows.values(), base_url=url, date="2026-11-20")
    [name] = settings.profiles
    path = save(settings, name, decided)
    assert "2026-11-20, yes: a picture came (att_" in path.read_text()
    assert decided.facts.stores_responses is False
    assert decided.facts.edit_body == "multipart"


async def test_what_a_server_refuses_is_no_and_what_it_does_not_answer_is_unknown(
    serve: Serve, tmp_path: Path
) -> None:
    rows, _, _ = await probed(serve("502"), tmp_path, "draw", "tool_choice")

    assert {row.supported for row in rows.values()} == {"unknown"}


async def test_a_stripped_tool_is_found(serve: Serve, tmp_path: Path) -> None:
    rows, _, _ = await probed(serve("tool-stripped"), tmp_path, "draw")

    assert rows["image_tool"].supported == "no"


async def test_after_a_hopeless_failure_nothing_more_is_sent(serve: Serve, tmp_path: Path) -> None:
    server = serve("quota")

    rows, _, _ = await probed(server, tmp_path)

    assert server.counters["requests"] == 1
    assert {row.supported for row in rows.values()} == {"unknown"}
    assert rows["mask"].evidence.startswith("not tried")


async def test_a_whole_answer_to_a_stream_is_no_streaming(serve: Serve, tmp_path: Path) -> None:
    rows, _, _ = await probed(serve("json-on-stream"), tmp_path, "streaming")

    assert (rows["streaming"].supported, rows["partials"].supported) == ("no", "no")


async def test_a_lowered_size_is_seen(serve: Serve, tmp_path: Path) -> None:
    rows, _, _ = await probed(serve("size-lowered"), tmp_path, "draw")

    assert rows["sizes"].supported == "no"
    assert "512x320" in rows["sizes"].evidence


class Words(Offline):
    """A gateway with a word list that our preamble trips, and which knows no other."""

    async def handle(self, request: Any) -> Any:
        from agent.offline.exchange import json_reply

        if request.method == "POST" and "no nudity" in request.body.decode().lower():
            error: Json = {"message": "blocked word", "code": "sensitive_words_detected"}
            return json_reply({"error": error}, status=400)
        return await super().handle(request)


async def test_a_word_list_that_the_preamble_trips_is_found_and_avoided(tmp_path: Path) -> None:
    from agent.offline import OfflineOptions

    server = Words(OfflineOptions(draw="tiny"))

    async with served(server) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY)
        async with open_probe(settings, None) as probe:
            rows = {row.fact: row async for row in probe.run(("draw", "tool_choice"))}
        decided = proved(rows.values(), base_url=url, date="2026-11-20").facts

    assert rows["preamble"].supported == "no"
    assert (rows["image_tool"].supported, rows["tool_choice"].supported) == ("yes", "yes")
    assert decided.preamble_words is True


async def test_an_unknown_step_is_named(settings: Settings) -> None:
    async with open_probe(settings, None) as probe:
        with pytest.raises(UsageError, match="no probe 'drwa'"):
            probe.plan(["drwa"])


async def test_what_was_saved_is_what_turns_go_by(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    async with served(server) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY)
        [name] = settings.profiles
        told = saved.Facts(tool_choice=True, streaming=False, mask=False)
        save(settings, name, saved.Proved(base_url=url, probed="2026-11-20", facts=told))
        async with open_agent(settings) as agent:
            ended = await agent.run(TurnRequest(text="a kite", options=SMALL))
            masked = await agent.run(
                TurnRequest(
                    text="make it blue",
                    intent="edit",
                    session=ended.session,
                    mask_box=(0, 0, 64, 64),
                )
            )

    [entry] = [e for e in server.state.journal.log() if isinstance(e, dict) and "body" in e]
    body: Any = entry["body"]
    assert (body["tool_choice"], body["stream"]) == ({"type": "image_generation"}, False)
    assert masked.error is not None
    assert (masked.exit_code, "Masks do not arrive" in masked.error.message) == (2, True)


def test_the_page_about_gateways_says_what_the_dialects_say() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "gateways.md").read_text("utf-8")

    for dialect in DIALECTS.values():
        assert f"### {dialect.name}" in page
        for name, value, why in facts(dialect):
            assert f"| {name} | {value} | {why} |" in page, "run: python docs/make_gateways.py"


def test_the_page_about_gateways_has_every_key_of_a_profile() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "gateways.md").read_text("utf-8")
    told = page.partition("## What a profile may say")[2].partition("\n## ")[0]

    assert [key for key in ProfileOptions.model_fields if f"`{key}`" not in told] == []
