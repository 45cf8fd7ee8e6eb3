"""The same request under one ``Idempotency-Key`` is one turn, whoever asks how often."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import update

from agent.factory import answers_of
from agent.relay import once
from agent.relay.prepare import Shop
from agent.schema import TurnId
from agent.store.owners import place
from agent.store.tables import response
from tests.conftest import Ticking, sent_to
from tests.doors.api.conftest import OpenServer, Served, tenant
from tests.doors.api.relaying import URL, asked, create, events, picture

KEY = {"idempotency-key": "order-7"}
OTHER = {"idempotency-key": "order-8"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_LOOK_S", 0.0)


async def test_the_same_request_again_is_the_same_answer(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served, key=KEY)
        again = await create(served, key=KEY)

        assert again == first
        assert len(sent_to(served.artist)) == 1


async def test_a_stream_again_is_a_stream_with_the_same_ids(open_server: OpenServer) -> None:
    async with open_server() as served:
        told = [
            events((await served.client.post(URL, json=asked(stream=True), headers=KEY)).text)
            for _ in range(2)
        ]

        assert told[0][-1]["response"] == told[1][-1]["response"]
        assert [e["type"] for e in told[1]][-2:] == [
            "response.output_item.done",
            "response.completed",
        ]
        assert len(sent_to(served.artist)) == 1


async def test_at_once_they_wait_for_one_turn(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "_LOOKS", 1_000_000)
    async with open_server() as served:
        found = []

        async def one() -> None:
            found.append(await create(served, key=KEY))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one)

        assert len({response["id"] for response in found}) == 1
        assert len(sent_to(served.artist)) == 1


async def test_another_request_under_the_key_is_refused(open_server: OpenServer) -> None:
    async with open_server() as served:
        await create(served, key=KEY)
        told = await served.client.post(URL, json=asked("a boat"), headers=KEY)

        assert (told.status_code, told.json()["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_tenant(open_server: OpenServer) -> None:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    async with open_server(tenants={"one": one, "two": two}) as served:
        first = await create(served, key=mine | KEY)
        second = await create(served, key=yours | KEY)

        assert first["id"] != second["id"]


async def test_what_cost_nothing_may_be_asked_for_again(open_server: OpenServer) -> None:
    async with open_server("401:first=1", dialect="openai") as served:
        told = await served.client.post(URL, json=asked(), headers=KEY)
        again = await create(served, key=KEY)

        assert told.status_code == 502
        assert picture(again)["result"]


@pytest.mark.parametrize("fault", ["quota:first=1", "401:first=1"])
async def test_whoever_waited_for_a_turn_that_cost_nothing_is_not_told_that_it_may_be_billed(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(once, "_LOOKS", 1_000_000)
    async with open_server(fault, dialect="openai") as served:
        found: list[Any] = []

        async def one() -> None:
            found.append(await ask(served))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        told = sorted(answer.status_code for answer in found)
        assert told[:3] == [200, 200, 200]
        assert told[3] in (429, 502)
        drawn = [answer.json()["id"] for answer in found if answer.status_code == 200]
        assert len({*drawn}) == 1
        assert len(sent_to(served.artist)) == 2


async def test_whoever_waited_for_a_request_that_no_budget_covered_hears_of_the_budget(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "_LOOKS", 1_000_000)
    owner, mine = tenant("one", day_max_cost="0.01")
    async with open_server(paid=True, tenants={"one": owner}) as served:
        found: list[Any] = []

        async def one() -> None:
            found.append(await served.client.post(URL, json=asked(), headers=mine | KEY))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert {answer.json()["error"]["code"] for answer in found} == {"insufficient_quota"}
        assert sent_to(served.artist) == []


async def test_what_may_be_billed_is_not_bought_again(open_server: OpenServer) -> None:
    async with open_server("502-after", dialect="openai") as served:
        first = await served.client.post(URL, json=asked(), headers=KEY)
        again = await served.client.post(URL, json=asked(), headers=KEY)

        assert (first.status_code, again.status_code) == (502, 409)
        assert again.json()["error"]["code"] == "outcome_unknown"
        assert len(sent_to(served.artist)) == 1


async def test_what_a_killed_process_left_behind_is_told_as_unknown(
    open_server: OpenServer,
) -> None:
    async with open_server("502-after", dialect="openai") as served:
        await served.client.post(URL, json=asked(), headers=KEY)
        store: Any = served.desk.kit.store
        await store._database.write(_cut_off)
        told = [await served.client.post(URL, json=asked(), headers=KEY) for _ in range(2)]

        for answer in told:
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (409, "outcome_unknown")
            assert answer.headers["x-should-retry"] == "false"
            assert "turn_" in error["message"]
        assert len(sent_to(served.artist)) == 1


def _cut_off(connection: Any) -> None:
    connection.execute(update(response).values(status="in_progress"))


async def test_a_paid_answer_is_repeated_when_the_budget_is_spent(open_server: OpenServer) -> None:
    owner, mine = tenant("one", day_max_cost="0.76")
    async with open_server(paid=True, tenants={"one": owner}) as served:
        first = await create(served, key=mine | KEY)
        spent = await served.client.post(URL, json=asked("a boat"), headers=mine | OTHER)
        again = await served.client.post(URL, json=asked(), headers=mine | KEY)
        still = await served.client.post(URL, json=asked("a boat"), headers=mine | OTHER)

        assert (again.status_code, again.json()) == (200, first)
        assert again.headers["x-limner-replayed"] == "true"
        for refused in (spent, still):  # its key stays free
            code = refused.json()["error"]["code"]
            assert (refused.status_code, code) == (429, "insufficient_quota")


async def test_what_was_not_stored_is_not_bought_again(open_server: OpenServer) -> None:
    async with open_server() as served:
        await create(served, key=KEY, store=False)
        again = await served.client.post(URL, json=asked(store=False), headers=KEY)

        assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_no_answer")
        assert len(sent_to(served.artist)) == 1


async def claimed(served: Served, clock: Ticking, owner: str) -> None:
    """As a process left it that wrote the purchase down and did no more."""
    shop = Shop(
        kit=replace(served.desk.kit, owner=owner),
        answers=answers_of(served.desk.kit.store),
        tenancy=served.desk.tenancy,
    )
    body = json.dumps(asked()).encode()
    new = once.purchase_of(shop, "order-7", body, tenant=None, turn=TurnId("turn_never_begun"))
    assert await shop.tenancy.claim(replace(new, created=clock.now())) is None


async def ask(served: Served) -> Any:
    body, kind = json.dumps(asked()).encode(), {"content-type": "application/json"}
    return await served.client.post(URL, content=body, headers=KEY | kind)


def of_a_process_that_ended() -> str:
    """Named as this one is, and long gone."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return f"{socket.gethostname()}:{done.pid}:1-{place()}"


async def test_a_key_that_a_killed_process_had_claimed_and_no_more_is_taken_over(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claimed(served, clock, of_a_process_that_ended())
        first, again = await ask(served), await ask(served)

        assert (first.status_code, again.json()) == (200, first.json())
        assert len(sent_to(served.artist)) == 1


async def test_several_that_come_back_to_a_dead_claim_buy_it_once(
    open_server: OpenServer, clock: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "_LOOKS", 1_000_000)
    async with open_server() as served:
        await claimed(served, clock, of_a_process_that_ended())
        found: list[Any] = []

        async def one() -> None:
            found.append(await ask(served))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert {answer.json()["id"] for answer in found} == {found[0].json()["id"]}
        assert len(sent_to(served.artist)) == 1


async def test_a_key_that_a_living_process_has_claimed_is_asked_for_later(
    open_server: OpenServer, clock: Ticking
) -> None:
    async with open_server() as served:
        await claimed(served, clock, "elsewhere-entirely:1:unknown-nowhere")
        told = await ask(served)
        clock.at += timedelta(hours=2)
        drawn = await ask(served)

        assert (told.status_code, told.json()["error"]["code"]) == (409, "idempotency_in_progress")
        assert (told.headers["retry-after"], told.headers["x-should-retry"]) == ("5", "true")
        assert drawn.status_code == 200


async def test_a_key_that_is_none_is_refused(open_server: OpenServer) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked(), headers={"idempotency-key": "x" * 300})

        assert told.status_code == 400
