"""The same request twice is bought once, whatever happens in between."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import anyio
import pytest

from agent.doors.api.orders import Order
from agent.doors.api.tenants import Tenant
from agent.factory import open_disk
from agent.protocols import Purchase, TurnRequest
from agent.schema import TurnId
from agent.store import presence
from agent.wire.requests import read_images
from tests.conftest import Ticking, png
from tests.doors.api.conftest import OpenServer, Served, tenant
from tests.doors.api.test_images import events_of

KITE: dict[str, Any] = {"prompt": "a red kite over the sea"}
RESPONSE = {"model": "gpt-5.5", "input": "a kite", "tools": [{"type": "image_generation"}]}
GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"
GONE = "elsewhere-entirely:1:unknown-nowhere"


def asked(served: Served) -> int:
    found = served.artist.counters.get("requests", 0)
    assert isinstance(found, int)
    return found


async def post(
    served: Served,
    key: str,
    body: Mapping[str, Any] = KITE,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    return await served.client.post(
        GENERATIONS, json=dict(body), headers={"idempotency-key": key, **headers}
    )


async def test_the_same_key_and_request_give_the_same_picture(open_server: OpenServer) -> None:
    async with open_server() as served:
        first, second = await post(served, "k1"), await post(served, "k1")

        assert second.json() == first.json()
        assert second.headers["x-limner-replayed"] == "true"
        assert asked(served) == 1


async def test_two_at_once_share_one_turn(open_server: OpenServer) -> None:
    async with open_server() as served:
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await post(served, "k1"))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == 1
        assert asked(served) == 1


async def test_the_answer_outlives_a_restart(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await post(served, "k1", {**KITE, "n": 2})
    async with open_server() as served:
        second = await post(served, "k1", {**KITE, "n": 2})

        assert second.json() == first.json()
        assert asked(served) == 0


async def test_a_stream_is_repeated_as_a_stream(open_server: OpenServer) -> None:
    async with open_server() as served:
        body = {**KITE, "stream": True}
        first, second = await post(served, "k1", body), await post(served, "k1", body)

        assert events_of(second.text) == events_of(first.text)
        assert asked(served) == 1


async def test_the_same_key_for_another_request_is_a_422(open_server: OpenServer) -> None:
    async with open_server() as served:
        await post(served, "k1")
        answer = await post(served, "k1", {**KITE, "quality": "low"})

        assert (answer.status_code, answer.json()["error"]["code"]) == (
            422,
            "idempotency_key_reused",
        )
        assert answer.headers["x-should-retry"] == "false"
        assert asked(served) == 1


async def test_the_same_form_with_another_boundary_is_the_same_request(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        answers = [
            await served.client.post(
                EDITS,
                data={"prompt": "make it blue"},
                files={"image": ("a.png", png(64, 64))},
                headers={"idempotency-key": "k1"},
            )
            for _ in range(2)
        ]

        assert answers[0].json() == answers[1].json()
        assert asked(served) == 1


async def test_another_tenants_key_of_the_same_name_is_another_key(
    open_server: OpenServer,
) -> None:
    (one, key), (other, others) = tenant("one"), tenant("other")
    async with open_server(tenants={"one": one, "other": other}) as served:
        first = await post(served, "k1", headers=key)
        second = await post(served, "k1", {"prompt": "a blue kite"}, headers=others)

        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json()["limner"]["images"] != second.json()["limner"]["images"]


@pytest.mark.parametrize("fault", ["401:first=1", "quota:first=1"])
async def test_what_cost_nothing_frees_its_key(open_server: OpenServer, fault: str) -> None:
    async with open_server(fault) as served:
        failed, drawn = await post(served, "k1"), await post(served, "k1")

        assert failed.status_code in (429, 502)
        assert drawn.status_code == 200


async def test_a_result_nobody_knows_is_told_again_and_not_bought_again(
    open_server: OpenServer,
) -> None:
    async with open_server("drop-after:first=1") as served:
        first, second = await post(served, "k1"), await post(served, "k1")

        assert (first.status_code, first.json()["error"]["code"]) == (502, "outcome_unknown")
        assert (second.status_code, second.json()["error"]["code"]) == (409, "outcome_unknown")
        assert second.headers["x-should-retry"] == "false"
        assert asked(served) == 1


async def test_a_turn_cut_off_by_a_restart_is_the_truth_and_no_second_purchase(
    open_server: OpenServer,
) -> None:
    async with open_server("stall", grace_s=0) as served, anyio.create_task_group() as tasks:
        tasks.start_soon(post, served, "k1")
        while not asked(served):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    async with open_server() as served:
        answer = await post(served, "k1")

        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "outcome_unknown")
        assert "turn_" in answer.json()["error"]["message"]
        assert answer.headers["x-should-retry"] == "false"
        assert asked(served) == 0


async def claim_of(served: Served, clock: Ticking, owner: str) -> None:
    """As the process left it that wrote the purchase down and did no more."""
    order = Order(
        asked=read_images(dict(KITE)),
        route="generations",
        tenant=Tenant(),
        turn=TurnRequest(text=KITE["prompt"]),
    )
    await served.desk.tenancy.claim(
        Purchase(
            tenant=None,
            key=hashlib.sha256(b"k1").hexdigest(),
            body=order.fingerprint(),
            turns=(TurnId("turn_never_begun"),),
            owner=owner,
            created=clock.now(),
        )
    )


async def test_cut_off_before_anything_was_begun_is_asked_for_as_if_for_the_first_time(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claim_of(served, clock, served.desk.kit.owner)
        answer = await post(served, "k1")

        assert answer.status_code == 200
        assert asked(served) == 1


async def test_several_that_come_back_to_what_was_cut_off_buy_it_once(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claim_of(served, clock, served.desk.kit.owner)
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await post(served, "k1"))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)

        assert {answer.status_code for answer in answers} <= {200, 409}
        assert all(
            answer.headers["x-should-retry"] == "true"
            for answer in answers
            if answer.status_code == 409
        )
        assert asked(served) == 1


async def test_what_another_process_works_on_may_be_asked_for_again(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claim_of(served, clock, GONE)
        answer = await post(served, "k1")

        assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "true")
        assert int(answer.headers["retry-after"]) > 0
        assert asked(served) == 0


async def test_what_another_machine_never_came_back_to_is_asked_for_anew(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claim_of(served, clock, GONE)
        clock.at += timedelta(hours=2)
        answer = await post(served, "k1")

        assert answer.status_code == 200
        assert asked(served) == 1


async def test_what_a_server_elsewhere_works_on_is_its_own_while_it_gives_signs_of_life(
    open_server: OpenServer, clock: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ticking, "monotonic", lambda ticking: ticking.at.timestamp())
    async with open_server() as served:
        other = await open_disk(served.desk.settings, clock=clock, owner=GONE)
        await claim_of(served, clock, GONE)
        clock.at += timedelta(hours=2)
        await other.database.write(presence.sign, GONE, at=clock.now())
        await other.aclose()
        waits = await post(served, "k1")
        store: Any = served.desk.kit.store
        for _ in range(12):  # it was not cut off itself
            clock.at += timedelta(seconds=15)
            await store.settling.heed()
        drawn = await post(served, "k1")

        assert (waits.status_code, waits.headers["x-should-retry"]) == (409, "true")
        assert drawn.status_code == 200
        assert asked(served) == 1


async def test_forgotten_pictures_are_not_bought_again(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await post(served, "k1")
        store = served.desk.agent.store
        session = await store.session(first.json()["limner"]["session"])
        await store.forget_session(session.id, at=served.desk.kit.clock.now())
        answer = await post(served, "k1")

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert asked(served) == 1


async def test_a_key_means_nothing_after_a_month(open_server: OpenServer, clock: Ticking) -> None:
    async with open_server() as served:
        first = await post(served, "k1")
        clock.at += timedelta(days=31)
        second = await post(served, "k1")

        assert first.json()["limner"]["images"] != second.json()["limner"]["images"]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_what_is_no_key_is_a_400(open_server: OpenServer, key: str) -> None:
    async with open_server() as served:
        answer = await post(served, key)

        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "idempotency-key")


@pytest.mark.parametrize(("path", "body"), [(GENERATIONS, KITE), ("/v1/responses", RESPONSE)])
async def test_two_keys_are_none_whichever_came_first(
    open_server: OpenServer, path: str, body: Mapping[str, Any]
) -> None:
    async with open_server() as served:
        for keys in (("k1", "k2"), ("k1", "k1")):
            headers = [("idempotency-key", key) for key in keys]
            answer = await served.client.post(path, json=body, headers=headers)

            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "idempotency-key")
        assert asked(served) == 0
