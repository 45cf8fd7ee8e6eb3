"""What an agent sees: six tools, pictures as files, receipts, and the way from one to the next."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from random import Random

import anyio
import jsonschema
import pytest
from mcp import MCPError
from mcp_types import BlobResourceContents, Implementation
from PIL import Image as Canvas

from agent.doors.mcp.previews import preview
from tests.conftest import Serve, png, sent_to
from tests.doors.mcp.conftest import Era, Opened

ERAS: list[Era] = ["legacy", "auto"]
"""Of the protocol: the handshake with requests both ways, and 2026-07-28."""


def size_of(data: bytes) -> tuple[int, int]:
    with Canvas.open(io.BytesIO(data)) as opened:
        return opened.size


async def test_the_tools_are_found_by_the_words_people_use(opened: Opened) -> None:
    async with opened() as hand:
        listed = (await hand.client.list_tools()).tools

    words = {tool.name: f"{tool.title} {tool.description}".lower() for tool in listed}
    assert list(words) == [
        "generate_image",
        "edit_image",
        "check_prompt",
        "show_session",
        "get_turn",
        "make_poster",
    ]
    for word in ("draw", "picture", "image", "poster", "logo", "icon", "photo", "create"):
        assert word in words["generate_image"]
    for word in ("edit", "change", "remove", "background", "transparent", "mask"):
        assert word in words["edit_image"]


async def test_annotations_say_what_a_tool_may_do(opened: Opened) -> None:
    async with opened() as hand:
        hints = {t.name: t.annotations for t in (await hand.client.list_tools()).tools}

    for name in ("check_prompt", "show_session", "get_turn"):
        assert hints[name] is not None
        assert hints[name].read_only_hint is True  # type: ignore[union-attr]
    for name in ("generate_image", "edit_image"):
        found = hints[name]
        assert found is not None
        assert (found.read_only_hint, found.destructive_hint) == (False, True)
        assert found.open_world_hint is False, "the offline artist sends nothing anywhere"


async def test_schemas_are_flat_and_valid(opened: Opened) -> None:
    async with opened() as hand:
        listed = (await hand.client.list_tools()).tools

    for tool in listed:
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert "$ref" not in str(schema)
        assert "null" not in str(tool.input_schema)
        assert all("description" in p for p in tool.input_schema["properties"].values())


async def test_the_page_names_every_tool_argument_and_field(opened: Opened) -> None:
    page = await anyio.Path(__file__).parents[3].joinpath("docs", "mcp.md").read_text("utf-8")
    async with opened() as hand:
        listed = (await hand.client.list_tools()).tools

    for tool in listed:
        assert f"`{tool.name}`" in page
    for tool in listed[:2]:
        drawn = (tool.output_schema or {})["properties"]
        names = [*tool.input_schema["properties"], *drawn, *drawn["images"]["items"]["properties"]]
        assert [name for name in names if name not in page] == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_picture_is_a_file_whose_path_is_the_first_line(opened: Opened, era: Era) -> None:
    async with opened(era=era) as hand:
        drawn = await hand.call("generate_image", prompt="a red kite over the sea")
        schemas = {t.name: t.output_schema for t in (await hand.client.list_tools()).tools}

    assert drawn.path == hand.work / "limner-out" / "red-kite-over-1.png"
    assert size_of(drawn.path.read_bytes()) == (1024, 1024)
    assert drawn.path.read_bytes() == drawn.original.read_bytes()
    assert drawn.receipt["status"] == "done"
    assert drawn.receipt["offline"] is True
    assert drawn.receipt["cost"] == {"amount": "0", "currency": "USD", "basis": "per_image"}
    assert drawn.image["size"] == drawn.image["asked_size"] == "1024x1024"
    jsonschema.validate(drawn.receipt, schemas["generate_image"] or {})


async def test_a_preview_is_small_and_a_link_serves_the_original(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite", size="3840x2160")
        [link], [preview] = drawn.links, drawn.previews
        [served] = (await hand.client.read_resource(link.uri)).contents

    small = base64.b64decode(preview.data)
    assert preview.mime_type == "image/jpeg"
    assert len(preview.data) <= 1_000_000
    assert max(size_of(small)) == 1024
    assert isinstance(served, BlobResourceContents)
    assert base64.b64decode(served.blob) == drawn.path.read_bytes()
    assert (link.mime_type, link.size) == ("image/png", drawn.path.stat().st_size)


async def test_an_original_too_large_for_a_message_is_named_instead(opened: Opened) -> None:
    async with opened() as hand:
        (hand.work / "noise.png").write_bytes(noise(2000))
        drawn = await hand.call("edit_image", prompt="a frame", image="noise.png")
        [parent] = drawn.image["parents"]
        with pytest.raises(MCPError, match=r"12\.0 MB.*It is the file /"):
            await hand.client.read_resource(f"limner://image/{parent}")


def noise(edge: int) -> bytes:
    """A picture of three bytes a pixel that does not compress."""
    made = io.BytesIO()
    pixels = Random(1).randbytes(edge * edge * 3)
    Canvas.frombytes("RGB", (edge, edge), pixels).save(made, "PNG", compress_level=0)
    return made.getvalue()


def test_a_preview_is_bounded_whatever_the_picture(tmp_path: Path) -> None:
    (tmp_path / "noise.png").write_bytes(noise(1024))
    (tmp_path / "clear.png").write_bytes(png(300, 200, mode="RGBA"))
    (tmp_path / "words.svg").write_text("<svg/>")
    loud = preview(tmp_path / "noise.png", most=60_000)
    clear = preview(tmp_path / "clear.png")

    assert loud is not None
    assert clear is not None
    assert len(loud.data) <= 60_000
    assert (clear.media_type, size_of(clear.data)) == ("image/webp", (300, 200))
    assert preview(tmp_path / "noise.png", most=10) is None
    assert preview(tmp_path / "words.svg") is None
    assert preview(tmp_path / "nothing.png") is None


async def test_the_original_is_offered_by_template_and_listed(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite")
        listed = (await hand.client.list_resources()).resources
        [template] = (await hand.client.list_resource_templates()).resource_templates

    assert [one.uri for one in listed] == [drawn.image["uri"]]
    assert template.uri_template == "limner://image/{id}"


@pytest.mark.parametrize("era", ERAS)
async def test_an_edit_without_a_picture_changes_the_newest(opened: Opened, era: Era) -> None:
    async with opened(era=era) as hand:
        first = await hand.call("generate_image", prompt="a red kite")
        second = await hand.call("edit_image", prompt="make it blue")

    assert second.image["parents"] == [first.image["id"]]
    assert second.receipt["session"] == first.receipt["session"]
    assert second.path.name == "red-kite-2.png"
    assert first.path.exists()


async def test_any_way_of_naming_a_picture_names_it(opened: Opened) -> None:
    async with opened() as hand:
        first = await hand.call("generate_image", prompt="a red kite", session="kites")
        await hand.call("edit_image", prompt="make it blue")
        copy = first.path.relative_to(hand.work)
        names = [first.image[key] for key in ("id", "ref", "uri")] + ["@1"]
        by_name = [
            await hand.call("edit_image", prompt=f"turn {n}", image=name)
            for n, name in enumerate(names)
        ]
        by_path = await hand.call("edit_image", prompt="a frame", image=str(copy))

    assert first.receipt["session_name"] == "kites"
    assert [a.image["parents"] for a in by_name] == [[first.image["id"]]] * 4
    [imported] = by_path.image["parents"]
    assert imported != first.image["id"], "a file is brought along as a picture of its own"
    assert by_path.receipt["session"] != first.receipt["session"]


async def test_a_mask_is_a_box_a_text_or_a_file(opened: Opened) -> None:
    async with opened() as hand:
        await hand.call("generate_image", prompt="a red kite")
        hole = Canvas.new("RGBA", (1024, 1024), "white")
        hole.paste((0, 0, 0, 0), (0, 0, 200, 200))
        hole.save(hand.work / "mask.png")
        for mask in ([0, 0, 200, 200], "0,0,200,200", "mask.png"):
            drawn = await hand.call("edit_image", prompt="add a moon", image="@1", mask=mask)
            assert drawn.receipt["status"] == "done"
        bodies = sent_to(hand.artist)[1:]

    masks = [body["tools"][0]["input_image_mask"] for body in bodies]
    assert masks[0] == masks[1]
    assert all(masks)


async def test_references_go_along(opened: Opened) -> None:
    async with opened() as hand:
        (hand.work / "logo.png").write_bytes(png(64, 64))
        drawn = await hand.call("generate_image", prompt="a shop sign", references="logo.png")

    assert len(drawn.image["parents"]) == 1


async def test_variants_are_turns_of_one_session_each_a_file(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite", n=3, output_path="out/k.webp")

    names = ["k.webp", "k-2.webp", "k-3.webp"]
    assert [Path(i["path"]).name for i in drawn.receipt["images"]] == names
    assert [Path(line).name for line in drawn.lines[:3]] == names
    assert len(set(drawn.receipt["turns"])) == 3
    assert hand.requests == 3
    assert len(drawn.previews) == 3
    assert all(i["media_type"] == "image/webp" for i in drawn.receipt["images"])


async def test_options_are_what_was_asked_for_and_only_that(opened: Opened) -> None:
    async with opened() as hand:
        await hand.call(
            "generate_image", prompt="a kite", size="1536x1024", quality="low", format="jpeg"
        )
        edited = await hand.call("edit_image", prompt="more wind")
        tools = [body["tools"][0] for body in sent_to(hand.artist)]

    assert (tools[0]["size"], tools[0]["quality"]) == ("1536x1024", "low")
    assert tools[0]["output_format"] == "jpeg"
    assert edited.image["size"] == "1536x1024", "an edit keeps the size of its picture"


async def test_a_check_says_what_the_screen_would(opened: Opened) -> None:
    async with opened() as hand:
        checked = await hand.call("check_prompt", prompt="a red kite")

    assert checked.receipt["decision"] == "allow"
    assert checked.lines[0] == "allow"
    assert hand.requests == 0


async def test_a_session_is_shown_with_its_pictures(opened: Opened) -> None:
    async with opened() as hand:
        first = await hand.call("generate_image", prompt="a red kite")
        second = await hand.call("edit_image", prompt="make it blue")
        newest = await hand.call("show_session")
        named = await hand.call("show_session", session=first.receipt["session_name"], limit=1)

    assert newest.receipt["newest_image"] == second.image["id"]
    assert [t["prompt"] for t in newest.receipt["turns"]] == ["a red kite", "make it blue"]
    assert [i["id"] for i in newest.receipt["images"]] == [first.image["id"], second.image["id"]]
    assert (named.receipt["left_out"], len(named.receipt["turns"])) == (1, 1)


async def test_a_turn_that_ended_can_be_read_again(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a red kite")
    async with opened() as hand:  # another process on the same store
        again = await hand.call("get_turn", turn=drawn.receipt["turn"])

    assert again.receipt["status"] == "done"
    assert again.image["id"] == drawn.image["id"]
    assert again.image["path"] is None
    assert "copy it" in again.text


async def test_a_text_instead_of_a_picture_is_an_answer(opened: Opened, serve: Serve) -> None:
    async with opened(serve("refusal-text")) as hand:
        drawn = await hand.call("generate_image", prompt="a kite")

    assert not drawn.raw.is_error
    assert drawn.receipt["status"] == "text"
    assert drawn.receipt["text"]


async def test_a_client_that_reads_structure_alone_gets_text_and_picture(opened: Opened) -> None:
    codex = Implementation(name="codex-mcp-client", version="0.169.0")
    async with opened(client={"client_info": codex}) as hand:
        listed = (await hand.client.list_tools()).tools
        drawn = await hand.call("generate_image", prompt="a kite")
        refused = await hand.call("edit_image", prompt="a kite", image="@9")

    assert all(tool.output_schema is None for tool in listed)
    assert drawn.raw.structured_content is None
    assert drawn.path.is_file()
    assert len(drawn.previews) == len(drawn.links) == 1
    assert "turn_" in drawn.text
    assert refused.raw.is_error
    assert "@9" in refused.text


async def test_progress_follows_the_turn(opened: Opened) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with opened() as hand:
        await hand.client.call_tool("generate_image", {"prompt": "a kite"}, progress_callback=hear)

    shares = [done for done, _, _ in heard]
    assert len(heard) >= 2
    assert shares == sorted(set(shares))
    assert all(total == 1 for _, total, _ in heard)


async def test_resources_that_are_none_are_refused_by_name(opened: Opened) -> None:
    async with opened() as hand:
        for uri in ("limner://image/img_nothing", "limner://image/..%2Fx", "file:///etc/passwd"):
            with pytest.raises(MCPError):
                await hand.client.read_resource(uri)
