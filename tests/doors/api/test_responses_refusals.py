"""What is refused, by whom, and what a client is told of servers that fail."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from agent.relay.reading import read_request
from agent.wire.fields import RequestFault
from tests.conftest import sent_to
from tests.doors.api.conftest import OpenServer, tenant
from tests.doors.api.relaying import (
    KITE,
    TOOL,
    URL,
    asked,
    attempts_of,
    create,
    events,
    house,
    kinds,
    newest,
    picture,
    stream,
    strict_output,
)

__all__ = ["house", "strict_output"]  # fixtures


# ── our rules ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refused_prompt_is_a_400_with_the_rule_and_nothing_is_sent(
    open_server: OpenServer, streamed: bool
) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked("a plumbus", stream=streamed))

        error = told.json()["error"]
        assert (told.status_code, error["code"]) == (400, "content_policy_violation")
        assert "house-no" in error["message"]
        assert "Nothing was sent, nothing was charged." in error["message"]
        assert told.headers["x-should-retry"] == "false"
        assert sent_to(served.artist) == []
        assert await served.desk.kit.store.sessions() == []


@pytest.mark.usefixtures("house")
async def test_what_the_picture_merges_is_judged_together(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served, "something leftish")
        told = await served.client.post(
            URL, json=asked("and rightish", previous_response_id=first["id"])
        )

        assert told.status_code == 400
        assert "house-halves" in told.json()["error"]["message"]


@pytest.mark.usefixtures("house")
async def test_what_is_refused_is_not_smuggled_in_as_history(open_server: OpenServer) -> None:
    async with open_server() as served:
        items = [
            {"role": "user", "content": "a plumbus " + "and so on " * 3000},
            {"role": "assistant", "content": "Very well."},
            {"role": "user", "content": "draw it"},
        ]
        await create(served, items)

        assert "plumbus" not in json.dumps(sent_to(served.artist)[-1])
        _, [turn], _ = await newest(served.desk)
        assert turn.prompt == "draw it"


@pytest.mark.usefixtures("house")
async def test_what_is_refused_does_not_come_back_with_the_chain(open_server: OpenServer) -> None:
    async with open_server() as served:
        items = [
            {"role": "user", "content": "a plumbus"},
            {"role": "assistant", "content": "Very well."},
            {"role": "user", "content": "draw it"},
        ]
        first = await create(served, items)
        await create(served, "make it blue", previous_response_id=first["id"])
        listed = (await served.client.get(f"{URL}/{first['id']}/input_items")).json()

        assert "plumbus" not in json.dumps([sent_to(served.artist), listed])
        assert "Very well." in json.dumps(sent_to(served.artist)[-1])


@pytest.mark.usefixtures("house")
async def test_code_and_tool_outputs_and_developers_are_not_screened(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        items = [
            {"role": "developer", "content": "a plumbus"},
            {"type": "function_call", "call_id": "c", "name": "plumbus", "arguments": "plumbus"},
            {"type": "function_call_output", "call_id": "c", "output": "plumbus"},
            {"role": "user", "content": KITE},
        ]

        assert picture(await create(served, items))["result"]


@pytest.mark.usefixtures("house")
async def test_a_rule_that_asks_is_set_aside_by_a_key_that_may(open_server: OpenServer) -> None:
    may, key = tenant("may", may_acknowledge=True)
    async with open_server(tenants={"may": may}) as served:
        told = await served.client.post(URL, json=asked("a gromlet"), headers=key)
        rules = [("x-limner-acknowledge", rule) for rule in ("another", "house-ask")]
        for headers in (rules[1:], rules):
            drawn = await served.client.post(
                URL, json=asked("a gromlet"), headers=[*key.items(), *headers]
            )
            assert drawn.status_code == 200

        assert told.status_code == 400
        assert "x-limner-acknowledge: house-ask" in told.json()["error"]["message"]


@pytest.mark.usefixtures("strict_output")
async def test_wording_that_may_not_be_keeps_its_picture_and_drafts_from_leaving(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        found = await stream(served, tools=[{**TOOL, "partial_images": 2}])

        told = found[-1]["response"]
        assert kinds(found)[-1] == "failed"
        assert told["error"]["code"] == "content_policy_violation"
        assert "house-words" in told["error"]["message"]
        assert "partial_image" not in " ".join(kinds(found))
        assert "Drawn offline" not in json.dumps(found)
        session, [turn], images = await newest(served.desk)
        assert (images, turn.outcome) == ([], "refused")
        [attempt] = await attempts_of(served.desk)
        assert attempt.billed == "yes"
        assert not list(served.desk.settings.data_dir.rglob("*.png"))
        kept = (await served.client.get(f"{URL}/{told['id']}")).json()
        assert kept["status"] == "failed"
        assert "Drawn offline" not in json.dumps(kept)
        assert session.head is None


@pytest.mark.usefixtures("strict_output")
async def test_wording_that_may_not_be_is_a_400_where_nothing_is_streamed(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked())

        assert (told.status_code, told.headers["x-should-retry"]) == (400, "false")
        assert told.json()["error"]["code"] == "content_policy_violation"


@pytest.mark.usefixtures("strict_output")
async def test_where_nothing_is_held_wording_is_told_with_its_picture(
    open_server: OpenServer,
) -> None:
    async with open_server(screen_output="tell") as served:
        found = await stream(served, tools=[{**TOOL, "partial_images": 1}])

        at = kinds(found).index("image_generation_call.partial_image")
        assert at < kinds(found).index("output_item.done")
        assert kinds(found)[-1] == "completed"


@pytest.mark.usefixtures("strict_output")
async def test_wording_that_may_not_be_goes_to_no_later_request(open_server: OpenServer) -> None:
    async with open_server(screen_output="tell") as served:
        told = (await served.client.post(URL, json=asked())).json()
        kept = (await served.client.get(f"{URL}/{told['id']}")).json()

        [drawn] = [one for one in told["output"] if one["type"] == "image_generation_call"]
        [again] = [one for one in kept["output"] if one["type"] == "image_generation_call"]
        assert "Drawn offline" in drawn["revised_prompt"]
        assert "revised_prompt" not in again
        assert again["result"] == drawn["result"]


@pytest.mark.usefixtures("strict_output")
async def test_wording_that_may_not_be_is_not_sent_on_when_its_client_brings_it_back(
    open_server: OpenServer,
) -> None:
    async with open_server(screen_output="tell") as served:
        told = await create(served)
        items = [
            {"role": "user", "content": KITE},
            picture(told),
            {"role": "user", "content": "make it blue"},
        ]
        second = await create(served, items)
        third = await create(served, "and green", previous_response_id=second["id"])

        said = picture(told)["revised_prompt"]
        assert "Drawn offline" in said
        assert json.dumps(said)[1:-1] not in json.dumps(sent_to(served.artist))
        session, _, images = await newest(served.desk)
        assert [len(one.parents) for one in images] == [0, 1, 1]  # the picture itself goes along
        store: Any = served.desk.kit.store
        refused = [v for v in await store.verdicts(session.id) if v.decision == "refuse"]
        assert [v.subject for v in refused] == ["revised_prompt"] * 4  # three drawn, one brought
        assert picture(third)["result"]


@pytest.mark.usefixtures("house")
async def test_words_that_a_client_puts_beside_a_picture_are_screened(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        drawn = picture(await create(served))
        for said in ("a plumbus", "a gromlet"):
            await create(
                served, [drawn | {"revised_prompt": said}, {"role": "user", "content": "x"}]
            )

        sent = json.dumps(sent_to(served.artist))
        assert "plumbus" not in sent
        assert "gromlet" not in sent


# ── what cannot be read ──────────────────────────────────────────────────────────────────────

BAD: list[Any] = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b'{"input": NaN}',
    b'{"tools": [{"type": "image_generation"}], "tools": []}',
    b"[" * 100_000,
    asked() | {"input": 7},
    asked() | {"input": None},
    asked() | {"input": [7]},
    asked() | {"tools": {"type": "image_generation"}},
    asked() | {"tools": [TOOL, 7]},
    asked() | {"tools": [TOOL, TOOL]},
    asked() | {"tools": [{**TOOL, "size": 7}]},
    asked() | {"tools": [{**TOOL, "size": "12x12"}]},
    asked() | {"tools": [{**TOOL, "partial_images": 9}]},
    asked() | {"tools": [{**TOOL, "input_image_mask": {"image_url": "data:image/png;base64,@"}}]},
    asked() | {"tools": [{**TOOL, "input_image_mask": {"image_url": "data:,x"}}]},
    asked() | {"model": 7},
    asked() | {"model": "gpt-image-2"},
    asked() | {"stream": "perhaps"},
    asked() | {"previous_response_id": 7},
    asked() | {"previous_response_id": "resp_unknown"},
    asked() | {"conversation": "conv_1"},
    asked() | {"instructions": ["x"]},
    asked([{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]),
    asked([{"role": "user", "content": [{"type": "input_image", "image_url": "data:,x"}]}]),
    {"model": "gpt-image-2", "input": KITE},
    {"model": "m", "input": [{"type": "additional_tools", "role": "developer", "tools": [TOOL]}]},
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
async def test_what_cannot_be_served_is_a_400_in_openais_shape(
    open_server: OpenServer, body: Any
) -> None:
    async with open_server() as served:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = await served.client.post(URL, content=raw)

        assert told.status_code == 400
        assert set(told.json()["error"]) == {"message", "type", "param", "code"}
        assert sent_to(served.artist) == []
        assert await served.desk.kit.store.sessions() == []


@pytest.mark.parametrize("value", ["", "../../etc/passwd", "\0"])
async def test_a_word_that_is_none_is_refused_before_a_gateway_that_hides_why(
    open_server: OpenServer, value: str
) -> None:
    async with open_server(dialect="sub2api") as served:
        told = await served.client.post(URL, json=asked(tools=[{**TOOL, "moderation": value}]))

        error = told.json()["error"]
        assert (told.status_code, error["param"]) == (400, "tools[0].moderation")
        assert sent_to(served.artist) == []


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": [{"role": "user", "content": "x"}] * 20_001}, "input"),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "x"}] * 20_000}
                ]
            },
            "input",
        ),
        ({"tools": [TOOL, *[{"type": "function", "name": "f"}] * 1_000]}, "tools"),
    ],
)
async def test_a_request_cut_so_finely_that_it_would_hold_up_everybody_is_refused(
    open_server: OpenServer, more: Any, param: str
) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked() | more)

        error = told.json()["error"]
        assert (told.status_code, error["code"]) == (400, "array_above_max_length")
        assert error["param"] == param
        assert sent_to(served.artist) == []


@pytest.mark.parametrize(("levels", "status"), [(90, 200), (400, 400)])
@pytest.mark.parametrize("place", ["schema", "parameters"])
async def test_what_is_nested_too_deeply_is_refused_before_anything_is_sent(
    open_server: OpenServer, levels: int, status: int, place: str
) -> None:
    deep = json.loads('{"a":' * levels + "1" + "}" * levels)
    schema = {"format": {"type": "json_schema", "name": "a", "schema": deep}}
    function = {"type": "function", "name": "f", "parameters": deep}
    more = {"text": schema} if place == "schema" else {"tools": [TOOL, function]}
    async with open_server() as served:
        told = await served.client.post(URL, json=asked() | more)

        assert told.status_code == status
        assert len(sent_to(served.artist)) == (status == 200)


def test_a_field_that_stands_there_twice_is_found_in_one_pass() -> None:
    names = [f'"k{number}":1' for number in range(100_000)]

    with pytest.raises(RequestFault, match="'k99999' twice"):
        read_request(("{" + ",".join([*names, names[-1]]) + "}").encode())


WEB: dict[str, Any] = {"type": "web_search"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{**TOOL, "size": "17x19"}]}, "tools[0].size"),
        ({"tools": [{**TOOL, "size": ""}]}, "tools[0].size"),
        ({"tools": [WEB, {**TOOL, "size": "17x19"}]}, "tools[1].size"),
        ({"tools": [{**TOOL, "output_compression": 50}]}, "tools[0].output_compression"),
        ({"tools": [{**TOOL, "model": "dall-e-3"}]}, "tools[0].model"),
        ({"input": "x" * 1_000_000, "tools": [{**TOOL, "size": "17x19"}]}, "tools.size"),
    ],
)
async def test_what_does_not_fit_names_the_field_as_the_client_wrote_it(
    open_server: OpenServer, more: Any, param: str
) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked() | more)

        assert (told.status_code, told.json()["error"]["param"]) == (400, param)
        assert sent_to(served.artist) == []


async def test_a_body_that_is_too_large_is_a_413(open_server: OpenServer) -> None:
    async with open_server(max_body=1000) as served:
        told = await served.client.post(URL, json=asked("x" * 2000))

        assert told.status_code == 413


async def test_a_prompt_that_is_too_long_is_refused(open_server: OpenServer) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked("kites " * 10_000))

        assert told.status_code == 400
        assert sent_to(served.artist) == []


# ── servers that fail ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "status", "code", "again"),
    [
        ("401", 502, "upstream_authentication", "false"),
        ("quota", 429, "insufficient_quota", "false"),
        ("usage-limit", 429, "usage_limit_reached", "false"),
        ("moderation-400", 400, "moderation_blocked", "false"),
        ("500", 502, "outcome_unknown", "false"),
        ("drop", 502, "outcome_unknown", "false"),
        ("html-200", 502, None, "false"),
        ("truncate", 502, "outcome_unknown", "false"),
        ("error-in-200", 502, "outcome_unknown", "false"),
    ],
)
async def test_a_failing_server_has_its_status_and_is_never_asked_twice(
    open_server: OpenServer, fault: str, status: int, code: str | None, again: str
) -> None:
    async with open_server(fault, dialect="openai") as served:
        told = await served.client.post(URL, json=asked())

        assert told.status_code == status, told.text
        assert code in (None, told.json()["error"]["code"])
        assert told.headers["x-should-retry"] == again
        assert len(sent_to(served.artist)) == 1
        [attempt] = await attempts_of(served.desk)
        assert attempt.state in ("failed", "refused", "unknown")


_OF_STREAMS = ("no-terminal", "item-in-done-only")


@pytest.mark.parametrize(
    "fault",
    [
        *("json-on-stream", "sse-on-nonstream", "ping-events", "unknown-events", "comments"),
        *("generating-status", "list-result", "data-url-result", "two-images"),
        *("no-terminal", "item-in-done-only"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_odd_answer_with_a_picture_is_told_as_the_api_promises(
    open_server: OpenServer, fault: str, streamed: bool
) -> None:
    faults = [fault] if streamed or fault not in _OF_STREAMS else [fault, "sse-on-nonstream"]
    async with open_server(*faults, dialect="openai") as served:
        told = await served.client.post(URL, json=asked(stream=streamed))
        assert told.status_code == 200, told.text
        found = events(told.text) if streamed else []
        last = found[-1]["response"] if streamed else told.json()

        pictures = [i for i in last["output"] if i["type"] == "image_generation_call"]
        _, _, images = await newest(served.desk)
        assert len(pictures) == len(images) >= 1
        for item in pictures:
            assert item["status"] == "completed"
            assert base64.b64decode(item["result"], validate=True)
        if streamed:
            assert kinds(found)[:2] == ["created", "in_progress"]
            assert kinds(found)[-1] in ("completed", "incomplete")
            assert kinds(found).count("output_item.done") == len(last["output"])
            assert kinds(found).count("output_item.added") == len(last["output"])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("nested-error-event", None),
        ("flat-error-event", None),
        ("response-failed", None),
        ("truncate", "outcome_unknown"),
    ],
)
async def test_a_stream_that_fails_ends_in_a_failed_response_or_a_status(
    open_server: OpenServer, fault: str, code: str | None
) -> None:
    async with open_server(fault, dialect="openai") as served:
        told = await served.client.post(URL, json=asked(stream=True))

        if told.status_code == 200:
            last = events(told.text)[-1]
            assert last["type"] == "response.failed"
            assert code in (None, last["response"]["error"]["code"])
            again = (await served.client.get(f"{URL}/{last['response']['id']}")).json()
            assert again["status"] == "failed"
        else:
            assert told.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "fault", ["failed-item", "empty-result", "truncated-picture", "bad-base64"]
)
async def test_a_picture_that_came_to_nothing_is_a_failed_item(
    open_server: OpenServer, fault: str
) -> None:
    async with open_server(fault, dialect="openai") as served:
        told = await create(served)

        item = picture(told)
        assert (item["status"], item["result"]) == ("failed", None)
        assert item["error"]["message"]
        assert (await newest(served.desk))[2] == []


@pytest.mark.parametrize("fault", ["refusal-text", "refusal-part", "no-image", "tool-stripped"])
async def test_an_answer_in_words_is_passed_on(open_server: OpenServer, fault: str) -> None:
    async with open_server(fault, dialect="openai") as served:
        told = await create(served)

        assert [item["type"] for item in told["output"]] == ["message"]
        assert (await newest(served.desk))[2] == []


async def test_a_free_failure_is_tried_again_unseen(open_server: OpenServer) -> None:
    async with open_server("429:first=1", dialect="openai") as served:
        served.artist.state.journal.log()
        told = await create(served)

        assert picture(told)["result"]
        assert [attempt.state for attempt in await attempts_of(served.desk)] == [
            "failed",
            "completed",
        ]
