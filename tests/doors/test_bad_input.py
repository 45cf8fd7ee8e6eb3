"""Bad input ends with its code and words that help, and nothing is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Limner


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--size", "1000x1000"], "nearest legal size: 1008x1008"),
        (["--size", "5000x5000"], "nearest legal size"),
        (["--size", "4096x1024"], "3 times the short one"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--output-compression", "50"], "--output-format jpeg or webp"),
        (["--background", "transparent", "--output-format", "jpeg"], "no transparency"),
        (["--tool-option", "size=1x1"], "use --size"),
        (["--tool-option", "nonsense"], "KEY=VALUE"),
        (["--image-model", "dall-e-3"], "shut down"),
        (["--max-cost", "much"], "--max-cost"),
        (["--max-cost", "-1"], "--max-cost"),
        (["--profile", "nope"], "there are: offline"),
        (["--output", "{title}.png"], "{session} {n} {ext} {turn} {id}"),
        (["--output", "{id"], "--output"),
        (["--output", "{id!r}"], "takes no format"),
        (["--output", "{id.__class__}"], "no field"),
        (["--output", "{session}.png"], "{n} or {id}"),
        (["--output", "-"], "stdout carries paths"),
        (["--latency", "soon"], "seconds"),
        (["--latency", "2-1"], "seconds"),
        (["--fault", "earthquake"], "Choose one of"),
        (["--dialect", "klingon"], "Choose one of"),
        (["--ref", "missing.png"], "missing.png: no such file"),
        (["--ref", "."], "directory"),
        (["--ref", "empty.png"], "empty"),
        (["--ref", "text.png"], "not a picture"),
        (["--session", "nowhere"], "no session"),
        (["--session", "a", "--name", "b"], "exclude each other"),
        (["--name", "../up"], "cannot name a session"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_flags_are_refused_before_anything_is_sent(
    draw: Limner, limner: Limner, args: list[str], said: str
) -> None:
    Path("empty.png").write_bytes(b"")
    Path("text.png").write_text("hello")

    ran = draw("generate", "a kite", *args, "--json")

    assert ran.code == 2
    assert said in ran.err
    assert ran.records[-1]["type"] == "turn.failed"
    assert ran.error["code"] == "usage"
    assert limner("show").code == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--from", "@7"], "@1"),
        (["--from", "kite/7"], "@1"),
        (["--from", "img_0000"], "no picture"),
        (["--from", "limner-out/kite-1.png"], "Use --image"),
        (["--image", "gone.png"], "no such file"),
        (["--mask", "limner-out/kite-1.png"], "--mask-mode white"),
        (["--mask", "gone.png"], "gone.png"),
        (["--mask-box", "1,2,3"], "X,Y,W,H"),
        (["--mask-box", "0,0,9000,10"], "outside the picture"),
        (["--mask-box", "0,0,9,9", "--mask", "limner-out/kite-1.png"], "not both"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_pictures_and_masks_are_refused_before_anything_is_sent(
    draw: Limner, limner: Limner, args: list[str], said: str
) -> None:
    draw("generate", "a kite")

    ran = draw("edit", "make it night", *args)

    assert ran.code == 2
    assert said in ran.err
    assert len(limner("tree", "--json").records) == 1


def test_a_mask_of_another_size_is_refused_with_the_size_it_needs(draw: Limner) -> None:
    draw("generate", "a kite", "-o", "wide.png", "--size", "1536x1024")
    draw("generate", "a cat")

    ran = draw("edit", "make it red", "--mask", "wide.png", "--mask-mode", "white")

    assert ran.code == 2
    assert "1024x1024" in ran.err


def test_a_truncated_picture_is_refused_by_name(draw: Limner) -> None:
    [path] = draw("generate", "a kite").paths
    Path("half.png").write_bytes(path.read_bytes()[:2000])

    ran = draw("edit", "make it red", "--image", "half.png")

    assert ran.code == 2
    assert "half.png" in ran.err
    assert "truncated" in ran.err


@pytest.mark.parametrize("prompt", ["", "   ", "\0", "\ufeff \n"], ids=repr)
def test_an_empty_prompt_is_refused(draw: Limner, prompt: str) -> None:
    ran = draw("generate", "-", "--json", stdin=prompt)

    assert ran.code == 2
    assert ran.error["code"] == "usage"


def test_a_book_is_refused_as_a_prompt_with_its_length(draw: Limner) -> None:
    ran = draw("generate", "-", stdin="kite " * 8_000)

    assert ran.code == 2
    assert "39,999 characters" in ran.err


@pytest.mark.parametrize(
    "prompt", ["🪁🪁", "a kite \udc80\udcff", "a\0kite", "\x1b[31mkite", "风筝"], ids=ascii
)
def test_odd_characters_are_drawn_without_a_traceback(draw: Limner, prompt: str) -> None:
    ran = draw("generate", prompt)

    assert ran.code == 0
    assert ran.paths[0].is_file()
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("flag", ["--size", "--session", "--output", "--ref", "--name"])
def test_lone_surrogates_in_flags_end_in_words_and_valid_json(draw: Limner, flag: str) -> None:
    ran = draw("generate", "a kite", flag, "x\udcff/", "--json")

    assert ran.records[-1]["type"] in ("turn.failed", "turn.completed")
    assert ran.code in (0, 2)


@pytest.mark.parametrize(
    "args",
    [("--bogus",), ("--quality", "superb"), ("-n", "0"), ("-n", "x"), ("--partial-images", "9")],
)
def test_json_ends_with_a_terminal_event_even_when_the_flags_cannot_be_read(
    draw: Limner, args: tuple[str, ...]
) -> None:
    ran = draw("generate", "a kite", "--json", *args)

    assert ran.code == 2
    assert ran.records[-1]["type"] == "turn.failed"
    assert ran.error["code"] == "usage"


def test_no_prompt_at_all_is_a_usage_error(draw: Limner) -> None:
    assert draw("generate").code == 2


def test_a_url_without_its_key_ends_with_4(draw: Limner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")

    ran = draw("generate", "a kite", "--json")

    assert ran.code == 4
    assert ran.error["code"] == "authentication"
    assert "limner keys set" in str(ran.error["hint"])


def test_a_sign_in_token_is_told_from_a_key(draw: Limner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "eyJhbGciOi.eyJzdWIiOi.c2ln")

    ran = draw("generate", "a kite")

    assert ran.code == 2
    assert "sign-in token" in ran.err
    assert "eyJ" not in ran.err


def test_a_project_file_that_sets_a_url_is_refused_by_line(draw: Limner, work: Path) -> None:
    (work / "limner.toml").write_text('size = "auto"\nbase_url = "https://evil.example"\n')

    ran = draw("generate", "a kite", "--json")

    assert ran.code == 2
    assert "limner.toml:2" in str(ran.error["message"])


def test_the_artist_is_not_shaped_when_a_server_would_be_asked(
    draw: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "a" * 40)

    ran = draw("generate", "a kite")

    assert ran.code == 2
    assert "--profile offline" in ran.err


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("401", 4),
        ("usage-limit", 8),
        ("moderation-400", 3),
        ("failed-item", 3),
        ("refusal-part", 3),
        ("refusal-text", 1),
        ("tool-stripped", 1),
        ("no-image", 1),
        ("html-200", 2),
        ("bad-base64", 1),
        ("truncated-picture", 1),
        ("drop-after", 7),
        ("truncate", 7),
    ],
)
def test_every_end_of_a_turn_has_its_exit_code_and_no_empty_file(
    draw: Limner, work: Path, fault: str, code: int
) -> None:
    ran = draw("generate", "a kite", "--fault", fault, "--json")

    assert ran.code == code
    assert ran.records[-1]["type"] in ("turn.failed", "turn.refused")
    assert list((work / "limner-out").iterdir()) == []


def test_a_budget_that_a_turn_would_exceed_ends_with_5(
    limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "a" * 40)

    ran = limner("generate", "a kite", "--max-cost", "0.0001", "--json")

    assert ran.code == 5
    assert ran.error["code"] == "budget"


@pytest.mark.parametrize("command", ["generate", "edit", "demo", "chat", "retry"])
@pytest.mark.parametrize("amount", ["abc", "-3", "1e999", "nan", "inf", "", "1e-13"])
def test_an_amount_that_is_none_is_named_with_its_flag(
    limner: Limner, command: str, amount: str
) -> None:
    words = {"generate": ("a kite",), "edit": ("a kite",), "retry": ("att_1",)}
    ran = limner(command, *words.get(command, ()), "--max-cost", amount)

    assert ran.code == 2
    assert ran.err.startswith("limner: --max-cost: write an amount from 0 to")


@pytest.mark.parametrize(("command", "stdin"), [("generate", ""), ("demo", ""), ("chat", "a kite")])
def test_a_rule_that_nobody_knows_cannot_be_acknowledged(
    house_policy: None, draw: Limner, limner: Limner, command: str, stdin: str
) -> None:
    del house_policy
    words = ("a kite",) if command == "generate" else ()
    ran = draw(command, *words, "--acknowledge", "umbrela", stdin=stdin)

    assert ran.code == 2
    assert "--acknowledge 'umbrela'" in ran.err
    assert "Did you mean umbrellas?" in ran.err
    assert limner("ledger").out == ""


def test_a_rule_of_the_servers_own_scores_can_be_acknowledged(draw: Limner) -> None:
    assert draw("generate", "a kite", "--acknowledge", "moderation-explicit").code == 0


@pytest.mark.parametrize(
    ("which", "words"), [("", "Which attempt?"), ("att_nosuch", "there is no attempt att_nosuch")]
)
def test_settling_nothing_says_what_could_be_settled(
    draw: Limner, limner: Limner, which: str, words: str
) -> None:
    idle = limner("ledger", "settle", which, "--billed", "no")
    draw("generate", "a kite", "--fault", "drop-after")
    [waiting] = limner("ledger", "unsettled", "--json").records

    ran = limner("ledger", "settle", which, "--billed", "no")

    assert (idle.code, ran.code) == (2, 2)
    assert words in ran.err
    assert "Nothing waits to be settled" in idle.err
    assert f"there are: {waiting['id']}" in ran.err


def test_an_ambiguous_attempt_names_those_it_could_be(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite", "-n", "2", "--fault", "no-image")
    ids = [str(record["id"]) for record in limner("ledger", "--json").records]
    shared = "".join(a for a, b in zip(*ids, strict=True) if a == b)[:9]

    ran = limner("ledger", "settle", shared, "--billed", "no")

    assert ran.code == 2
    assert "more than one attempt" in ran.err
    assert all(one in ran.err for one in ids)


def test_retrying_nothing_is_a_question(limner: Limner) -> None:
    ran = limner("retry", " ", "--yes")

    assert ran.code == 2
    assert "Which attempt?" in ran.err


def test_one_is_one(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    assert "1 picture     1 turn " in limner("sessions").out
    assert "1 turn, 1 picture" in limner("show").out
