"""What a call may not do: spend, refuse itself a rule, leave its folders; and how that is told."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mcp import Client, MCPError
from mcp.client.session import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, ListRootsResult, Root

from agent import Settings
from agent.doors.mcp.server import server
from agent.doors.mcp.workroom import Options, Workroom
from agent.offline import Offline
from tests.conftest import Serve, png, settings_in
from tests.doors.mcp.conftest import Answer, Era, Gate, Opened

ERAS: list[Era] = ["legacy", "auto"]
POLICY = """
version: house@1
classes: {pineapple: "pineapple[s]", umbrella: "umbrella[s]", ladder: "ladder[s]"}
rules:
  - {id: no-pineapples, category: fruit, severity: refuse, message: No pineapples here.,
     fix: Draw a pear., all_of: [[pineapple]]}
  - {id: umbrellas, category: weather, severity: review, message: Umbrellas bring rain.,
     fix: Draw a hat., all_of: [[umbrella]]}
  - {id: ladders, category: luck, severity: review, message: Ladders bring luck down.,
     fix: Draw a stair., all_of: [[ladder]]}
"""


@pytest.fixture
def settings(tmp_path: Path, settings: Settings) -> Settings:
    """A house that refuses pineapples, and wants umbrellas and ladders to be meant."""
    del settings
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "house.yaml").write_text(POLICY)
    return settings_in(tmp_path, LIMNER_POLICY=str(folder))


# ── policy ───────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_prompt_is_an_error_that_says_how_to_reword_it(opened: Opened) -> None:
    async with opened() as hand:
        refused = await hand.call("generate_image", prompt="two pineapples")

    assert refused.receipt["status"] == "refused"
    assert refused.problem["rule"] == "no-pineapples"
    assert "Draw a pear." in refused.text
    assert "nothing was charged" in refused.text
    assert hand.requests == 0


async def test_without_a_way_to_ask_a_person_a_rule_stands(opened: Opened) -> None:
    async with opened() as hand:
        refused = await hand.call("generate_image", prompt="an umbrella")
        tools = (await hand.client.list_tools()).tools

    assert refused.problem["code"] == "review"
    assert "limner generate --acknowledge umbrellas" in refused.text
    assert "No argument of this tool can" in refused.text
    assert "acknowledge" not in str([tool.input_schema for tool in tools])
    assert hand.requests == 0


class Person:
    """Somebody at the client who is asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer = ElicitResult(**answer)
        self.asked: list[str] = []

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        del context
        self.asked.append(params.message)
        return self.answer


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_who_accepts_a_rule_gets_the_picture(opened: Opened, era: Era) -> None:
    person = Person(action="accept", content={"acknowledge": True})
    async with opened(era=era, client={"elicitation_callback": person}) as hand:
        drawn = await hand.call("generate_image", prompt="an umbrella on a ladder")

    assert drawn.receipt["status"] == "done"
    assert len(person.asked) == 2, "each rule is asked about once"
    assert "Umbrellas bring rain." in "".join(person.asked)
    assert "an umbrella on a ladder" in person.asked[0]
    assert "acknowledged" in drawn.text
    assert hand.requests == 1


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "answer",
    [
        {"action": "decline"},
        {"action": "cancel"},
        {"action": "accept", "content": {"acknowledge": False}},
        {"action": "accept", "content": {}},
    ],
    ids=["declined", "cancelled", "accepted without the tick", "accepted empty"],
)
async def test_a_person_who_does_not_accept_it_stops_it(
    opened: Opened, era: Era, answer: dict[str, Any]
) -> None:
    async with opened(era=era, client={"elicitation_callback": Person(**answer)}) as hand:
        refused = await hand.call("generate_image", prompt="an umbrella")

    assert refused.problem["rule"] == "umbrellas"
    assert "did not accept it" in refused.text
    assert hand.requests == 0


async def test_what_a_person_accepted_is_not_accepted_for_the_next_call(opened: Opened) -> None:
    person = Person(action="accept", content={"acknowledge": True})
    async with opened(client={"elicitation_callback": person}) as hand:
        await hand.call("generate_image", prompt="an umbrella")
        await hand.call("generate_image", prompt="a red umbrella")

    assert len(person.asked) == 2


async def test_a_check_says_that_only_a_person_may_acknowledge(opened: Opened) -> None:
    async with opened() as hand:
        checked = await hand.call("check_prompt", prompt="an umbrella")

    assert checked.receipt["decision"] == "review"
    assert checked.receipt["a_person_may_acknowledge"] is True
    assert checked.receipt["findings"] == [
        {"rule": "umbrellas", "severity": "review", "text": "umbrella"}
    ]


# ── money ────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_may_draw_two_draws_no_third(opened: Opened) -> None:
    async with opened(max_images=2) as hand:
        many = await hand.call("generate_image", prompt="a kite", n=3)
        first = await hand.call("generate_image", prompt="a kite", n=2)
        third = await hand.call("generate_image", prompt="a boat")

    assert "at most 2" in many.text
    assert first.receipt["status"] == "done"
    assert third.problem["code"] == "budget"
    assert "--max-images" in third.text
    assert "nothing was charged" in third.text
    assert hand.requests == 2


async def test_pictures_under_way_count_as_drawn(opened: Opened, held: Offline, gate: Gate) -> None:
    async with opened(held, max_images=1) as hand:
        await hand.call("generate_image", prompt="a kite", wait_s=0)
        second = await hand.call("generate_image", prompt="a boat", wait_s=0)
        gate.opened.set()

    assert "1 under way" in second.text


async def test_what_failed_for_free_leaves_the_limit_as_it_was(opened: Opened) -> None:
    async with opened(max_images=1) as hand:
        await hand.call("generate_image", prompt="two pineapples")
        drawn = await hand.call("generate_image", prompt="a kite")

    assert drawn.receipt["status"] == "done"


async def test_a_server_stops_where_its_money_ends(opened: Opened) -> None:
    async with opened(paid=True, max_cost=Decimal("0.5")) as hand:
        first = await hand.call("generate_image", prompt="a kite", size="1024x1024")
        second = await hand.call("generate_image", prompt="a boat", size="1024x1024")

    assert first.receipt["cost"]["amount"] == "0.30"
    assert second.problem["code"] == "budget"
    assert "--max-cost" in second.text
    assert "0.20 is left" in second.text
    assert hand.requests == 1


async def test_two_calls_at_once_do_not_count_on_the_same_money(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held, paid=True, max_cost=Decimal("0.5")) as hand:
        first = await hand.call("generate_image", prompt="a kite", wait_s=0)
        second = await hand.call("generate_image", prompt="a boat")
        gate.opened.set()
        drawn = await hand.call("get_turn", turn=first.receipt["turn"])

    assert second.problem["code"] == "budget"
    assert drawn.receipt["status"] == "done"
    assert hand.requests == 1


async def test_a_budget_of_the_call_is_told_as_the_calls(opened: Opened) -> None:
    async with opened(paid=True, max_cost=Decimal(5)) as hand:
        refused = await hand.call("generate_image", prompt="a kite", max_cost=0.01)

    assert refused.problem["code"] == "budget"
    assert "--max-cost" not in refused.text
    assert "Nothing was sent" in refused.text


# ── files ────────────────────────────────────────────────────────────────────────────────────

OUTSIDE = ["../x.png", "/etc/x.png", "a/../../x.png", "~/x.png", "link/x.png", "file:///etc/x.png"]


@pytest.fixture
def linked(work: Path, tmp_path: Path) -> Path:
    """A folder in the root that is a link out of it, and a file out there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.png").write_bytes(png(64, 64))
    (work / "link").symlink_to(outside)
    (work / "linked.png").symlink_to(outside / "x.png")
    return work


@pytest.mark.parametrize("argument", ["output_path", "image", "mask", "references"])
async def test_no_path_leads_out_of_the_roots(opened: Opened, linked: Path, argument: str) -> None:
    tool = "generate_image" if argument in ("output_path", "references") else "edit_image"
    async with opened() as hand:
        answers = [await hand.call(tool, prompt="a kite", **{argument: path}) for path in OUTSIDE]

    for refused in answers:
        assert refused.problem["code"] == "usage"
        assert argument in refused.problem["message"]
        assert str(linked) in refused.text, "it says what is allowed"
    assert hand.requests == 0


@pytest.mark.parametrize("argument", ["image", "mask", "references", "output_path"])
async def test_no_link_leads_out_of_the_roots(opened: Opened, linked: Path, argument: str) -> None:
    tool = "generate_image" if argument in ("output_path", "references") else "edit_image"
    async with opened() as hand:
        refused = await hand.call(tool, prompt="a kite", overwrite=True, **{argument: "linked.png"})

    assert "outside" in refused.problem["message"]
    assert (linked / "linked.png").is_symlink()
    assert hand.requests == 0


async def test_a_file_is_overwritten_only_on_request(opened: Opened) -> None:
    async with opened() as hand:
        target = hand.work / "kite.png"
        target.write_bytes(b"mine")
        refused = await hand.call("generate_image", prompt="a kite", output_path="kite.png")
        kept = target.read_bytes()
        drawn = await hand.call(
            "generate_image", prompt="a kite", output_path="kite.png", overwrite=True
        )

    assert kept == b"mine"
    assert "overwrite: true" in refused.text
    assert hand.requests == 1
    assert drawn.path == target
    assert target.read_bytes() != b"mine"


async def test_a_folder_is_made_and_filled(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite", output_path="assets/img/")

    assert drawn.path == hand.work / "assets" / "img" / "kite-1.png"


async def test_the_true_extension_wins(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call(
            "generate_image", prompt="a kite", output_path="kite.png", format="jpeg"
        )

    assert drawn.path.name == "kite.jpg"


@pytest.mark.parametrize("name", ["a\0b.png", "a\nb.png", "", "x" * 300 + ".png", "\ud800.png"])
async def test_what_no_file_can_be_called_is_refused_before_sending(
    opened: Opened, name: str
) -> None:
    async with opened(era="auto") as hand:
        refused = await hand.call("generate_image", prompt="a kite", output_path=name)

    assert refused.problem["code"] == "usage"
    assert hand.requests == 0


async def test_a_name_taken_meanwhile_is_left_alone(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        pending = await hand.call(
            "generate_image", prompt="a kite", output_path="kite.png", wait_s=0
        )
        (hand.work / "kite.png").write_bytes(b"mine")
        gate.opened.set()
        drawn = await hand.call("get_turn", turn=pending.receipt["turn"])

    assert (hand.work / "kite.png").read_bytes() == b"mine"
    assert drawn.path == hand.work / "kite-2.png"


async def test_a_folder_that_is_gone_meanwhile_loses_no_picture(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        pending = await hand.call(
            "generate_image", prompt="a kite", output_path="out/kite.png", wait_s=0
        )
        (hand.work / "out").rmdir()
        (hand.work / "out").write_text("a file")
        gate.opened.set()
        drawn = await hand.call("get_turn", turn=pending.receipt["turn"])

    assert drawn.receipt["status"] == "done"
    assert drawn.original.is_file()
    assert drawn.image["path"] is None
    assert "could not be written" in drawn.text


@pytest.mark.parametrize("path", ["fifo", "file/x.png"])
async def test_a_place_that_takes_no_file_is_refused_before_sending(
    opened: Opened, path: str
) -> None:
    async with opened() as hand:
        (hand.work / "file").write_text("no folder")
        os.mkfifo(hand.work / "fifo")
        refused = await hand.call("generate_image", prompt="a kite", output_path=path)

    assert refused.problem["code"] == "usage"
    assert hand.requests == 0


def rooted(*folders: Path) -> dict[str, Any]:
    """A client that says these are its roots."""

    async def roots(context: ClientRequestContext) -> ListRootsResult:
        del context
        return ListRootsResult.model_validate({"roots": [{"uri": f.as_uri()} for f in folders]})

    return {"list_roots_callback": roots}


@pytest.mark.parametrize("era", ERAS)
async def test_the_clients_roots_come_before_the_working_directory(
    opened: Opened, tmp_path: Path, era: Era
) -> None:
    project = tmp_path / "a project"
    project.mkdir()
    async with opened(era=era, client=rooted(project)) as hand:
        drawn = await hand.call("generate_image", prompt="a kite")
        refused = await hand.call(
            "generate_image", prompt="a kite", output_path=str(hand.work / "x.png")
        )

    assert drawn.path == project / "limner-out" / "kite-1.png"
    assert "the client's roots" in refused.text
    assert Root.model_validate({"uri": project.as_uri()})


async def test_the_clients_roots_do_not_widen_what_the_server_allows(
    opened: Opened, tmp_path: Path
) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    (allowed / "inner").mkdir(parents=True)
    other.mkdir()
    limits = {"roots": (allowed,)}
    async with opened(client=rooted(other), **limits) as hand:
        outer = await hand.call("generate_image", prompt="a kite")
    async with opened(client=rooted(other, allowed / "inner"), **limits) as hand:
        inner = await hand.call("generate_image", prompt="a kite")

    assert outer.path.is_relative_to(allowed)
    assert inner.path.is_relative_to(allowed / "inner")


async def test_a_place_that_cannot_be_written_loses_no_picture(
    opened: Opened, tmp_path: Path
) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    async with opened(working=nowhere) as hand:
        drawn = await hand.call("generate_image", prompt="a kite")

    assert drawn.receipt["status"] == "done"
    assert drawn.path == Path(drawn.image["original"])
    assert drawn.image["path"] is None
    assert "copy it" in drawn.text


# ── bad input and bad servers ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("generate_image", {}, "prompt"),
        ("generate_image", {"prompt": "a kite", "n": 99}, "n:"),
        ("generate_image", {"prompt": "a kite", "colour": "red"}, "colour"),
        ("generate_image", {"prompt": "a kite", "size": "12x"}, "12x"),
        ("generate_image", {"prompt": "a kite", "quality": "best"}, "quality"),
        ("generate_image", {"prompt": "a kite", "max_cost": -1}, "max_cost"),
        ("generate_image", {"prompt": " "}, "empty"),
        ("generate_image", {"prompt": "a kite", "session": "ses_nothing"}, "ses_nothing"),
        ("generate_image", {"prompt": "a kite", "session": "a/b"}, "a/b"),
        ("edit_image", {"prompt": "a kite"}, "a picture (image)"),
        ("edit_image", {"prompt": "a kite", "image": "@9"}, "@9"),
        ("edit_image", {"prompt": "a kite", "image": "img_nothing"}, "img_nothing"),
        ("edit_image", {"prompt": "a kite", "image": "no-such.png"}, "no-such.png"),
        ("edit_image", {"prompt": "a kite", "session": "nothing"}, "nothing"),
        ("get_turn", {"turn": "turn_nothing", "wait_s": 0}, "turn_nothing"),
        ("get_turn", {"turn": "../../x"}, "turn"),
    ],
)
async def test_bad_arguments_are_named_and_cost_nothing(
    opened: Opened, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with opened() as hand:
        refused = await hand.call(tool, **arguments)

    assert refused.problem["code"] == "usage"
    assert said in refused.text
    assert "charged" in refused.text
    assert hand.requests == 0


async def test_null_means_not_given(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite", size=None, n=None, session=None)

    assert drawn.receipt["status"] == "done"


async def test_a_mask_of_another_size_is_refused_before_sending(opened: Opened) -> None:
    async with opened() as hand:
        await hand.call("generate_image", prompt="a kite")
        (hand.work / "mask.png").write_bytes(png(10, 10, mode="RGBA"))
        refused = await hand.call("edit_image", prompt="blue", mask="mask.png")
        box = await hand.call("edit_image", prompt="blue", mask=[0, 0, 9999, 9999])

    assert refused.problem["code"] == box.problem["code"] == "usage"
    assert hand.requests == 1


@pytest.mark.parametrize(
    ("fault", "code", "charged"),
    [("401", "authentication", "no"), ("quota", "quota", "no"), ("moderation-400", None, "no")],
)
async def test_a_server_that_says_no_is_told_with_what_it_cost(
    opened: Opened, serve: Serve, fault: str, code: str | None, charged: str
) -> None:
    async with opened(serve(fault)) as hand:
        failed = await hand.call("generate_image", prompt="a kite")

    assert failed.problem["code"] == (code or "moderation_blocked")
    assert failed.problem["charged"] == charged
    assert hand.requests == 1


async def test_a_full_usage_window_says_until_when(opened: Opened, serve: Serve) -> None:
    async with opened(serve("usage-limit")) as hand:
        failed = await hand.call("generate_image", prompt="a kite")

    assert failed.problem["code"] == "usage_window"
    assert failed.problem["retry_at"]
    assert "Try again after" in failed.text


async def test_a_server_that_keeps_failing_gets_no_second_variant(
    opened: Opened, serve: Serve
) -> None:
    async with opened(serve("401")) as hand:
        failed = await hand.call("generate_image", prompt="a kite", n=3)

    assert "the other 2 were not sent" in failed.text
    assert hand.requests == 1


async def test_one_variant_that_fails_does_not_hide_the_others(
    opened: Opened, serve: Serve
) -> None:
    async with opened(serve("moderation-400:every=2")) as hand:
        drawn = await hand.call("generate_image", prompt="a kite", n=3)

    assert not drawn.raw.is_error
    assert len(drawn.receipt["images"]) == 2
    assert "one picture is missing" in drawn.text


async def test_a_turn_that_breaks_off_is_told_and_the_next_one_works(
    opened: Opened, serve: Serve
) -> None:
    broken = [RuntimeError("a secret")]

    async def waits(_: float) -> None:
        if broken:
            raise broken.pop()

    async with opened(serve(latency=(1.0, 1.0), sleep=waits)) as hand:
        failed = await hand.call("generate_image", prompt="a kite")
        drawn = await hand.call("generate_image", prompt="a kite")

    assert failed.raw.is_error
    assert failed.problem["charged"] == "possibly"
    assert "a secret" not in failed.text
    assert drawn.receipt["status"] == "done"


async def test_a_store_that_cannot_be_opened_is_a_tool_error_and_tried_again(
    opened: Opened, settings: Settings
) -> None:
    async with opened() as hand:
        database = settings.data_dir / "limner.db"
        whole = database.read_bytes()
        database.write_bytes(b"not a database, and long enough to be looked at" * 100)
        refused = await hand.call("generate_image", prompt="a kite")
        database.write_bytes(whole)
        drawn = await hand.call("generate_image", prompt="a kite")

    assert refused.problem["code"] == "store"
    assert drawn.receipt["status"] == "done"


async def test_an_error_of_our_own_is_told_without_its_words(
    settings: Settings, work: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def opening() -> NoReturn:
        raise RuntimeError("a secret")

    profile = settings.resolve("offline", allow_offline=True)
    options = Options(working=work)
    async with (
        Workroom(settings, profile, options, opening=opening) as room,
        Client(server(room)) as client,
    ):
        broken = Answer(await client.call_tool("generate_image", {"prompt": "a kite"}))
        with pytest.raises(MCPError, match="there are: generate_image"):
            await client.call_tool("draw_image", {"prompt": "a kite"})

    assert broken.raw.is_error
    assert "Limner's own (RuntimeError)" in broken.text
    assert "a secret" not in broken.text
    assert "mcp.bug" in caplog.text


async def test_no_argument_makes_the_server_fail(opened: Opened) -> None:
    """Whatever a model sends, the answer is a tool error in words, and nothing is sent."""
    strange: list[Any] = [7, True, [], {}, [[]], {"a": 1}, "", " ", "\0", "@", "img_", 1e308]
    async with opened() as hand:
        for tool in (await hand.client.list_tools()).tools:
            for name in tool.input_schema["properties"]:
                for value in strange[:6] if name == "prompt" else strange:
                    given = {"prompt": "pineapples", "turn": "turn_x", "wait_s": 0, name: value}
                    known = set(tool.input_schema["properties"])
                    answer = await hand.call(
                        tool.name, **{k: v for k, v in given.items() if k in known}
                    )
                    assert "Limner's own" not in answer.text

    assert hand.requests == 0
