"""The ledger at the command line: sums, what is not settled, trying again, prices of one's own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from agent.offline import Offline, OfflineOptions
from agent.offline.faults import parse_fault

from .conftest import Limner
from .test_doctor import serving

UNKNOWN = ("--fault", "drop-after:first=1")
SHOP = """
[profiles.shop]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "SHOP_KEY"
prices = {prices}
"""
TABLE = 'kind = "per_image"\ncurrency = "CNY"\n[per_image."*"]\n"*" = 0.25\n'


@pytest.fixture
def unknown(draw: Limner, limner: Limner) -> str:
    """The attempt of a turn whose answer broke off."""
    assert draw("generate", "a red kite", *UNKNOWN).code == 7
    return entries(limner)[0]["id"]


def entries(limner: Limner) -> list[dict[str, str]]:
    return limner("ledger", "--json").records  # type: ignore[return-value]


@pytest.fixture
def shop(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with a profile whose server is not there, and a table of its prices."""
    folder = work.parent / "config"
    folder.mkdir()
    monkeypatch.setenv("LIMNER_CONFIG_DIR", str(folder))
    monkeypatch.setenv("SHOP_KEY", "sk-shop-0000")
    folder.joinpath("config.toml").write_text(SHOP.format(prices='"shop.toml"'))
    folder.joinpath("shop.toml").write_text(TABLE)
    return folder


# ── lines and sums ───────────────────────────────────────────────────────────────────────────


def test_an_empty_ledger_says_so(limner: Limner) -> None:
    for args in ((), ("--by", "day"), ("verdicts",)):
        ran = limner("ledger", *args)
        assert (ran.code, ran.out) == (0, "")
        assert "Nothing was" in ran.err
    assert "Everything is settled" in limner("ledger", "unsettled").err


def test_the_newest_requests_come_first_with_their_state_and_session(
    draw: Limner, limner: Limner, unknown: str
) -> None:
    draw("generate", "a blue cup")

    newest, oldest = limner("ledger").out.splitlines()

    assert "completed" in newest
    assert "blue-cup" in newest
    assert unknown in oldest
    assert "unknown" in oldest


def test_no_prompt_is_in_the_ledger(draw: Limner, limner: Limner) -> None:
    draw("generate", "a zanzibar", "--name", "cup")

    for args in (("--json",), ("--csv",), ("verdicts", "--json"), ("--by", "session", "--json")):
        assert "zanzibar" not in limner("ledger", *args).out


def test_sums_are_a_line_for_each_key(draw: Limner, limner: Limner) -> None:
    draw("generate", "a red kite", "-n", "2")
    draw("generate", "a blue cup")

    ran = limner("ledger", "--by", "session")

    assert [line.split()[:3] for line in ran.out.splitlines()] == [
        ["session", "requests", "pictures"],
        ["blue-cup", "1", "1"],
        ["red-kite", "2", "2"],
    ]


@pytest.mark.parametrize("by", ["session", "day", "profile", "model", "user"])
def test_sums_are_the_same_in_json_and_csv(draw: Limner, limner: Limner, by: str) -> None:
    draw("generate", "a red kite")

    [record] = limner("ledger", "--by", by, "--json").records
    [row] = csv.DictReader(limner("ledger", "--by", by, "--csv").out.splitlines())

    assert record["type"] == "ledger.sum"
    assert row == {k: "" if v is None else str(v) for k, v in record.items() if k != "type"}
    assert (row["attempts"], row["pictures"], row["unpriced"]) == ("1", "1", "0")


def test_csv_of_requests_has_a_column_for_each_fact(draw: Limner, limner: Limner) -> None:
    draw("generate", "a red kite")

    [row] = csv.DictReader(limner("ledger", "--csv").out.splitlines())

    assert (row["state"], row["billed"], row["requested_size"]) == ("completed", "yes", "1024x1024")
    assert (row["cost_currency"], row["cost_basis"]) == ("USD", "per_image")


def test_a_name_that_begins_like_a_formula_stays_a_text_in_a_spreadsheet(
    draw: Limner, limner: Limner
) -> None:
    draw("generate", "a red kite", "--name", "=1+1")

    [row] = csv.DictReader(limner("ledger", "--by", "session", "--csv").out.splitlines())

    assert row["key"] == "'=1+1"


@pytest.mark.parametrize(("since", "found"), [("1h", 1), ("2w", 1), ("2026-01-01", 1)])
def test_since_takes_an_age_or_a_date(draw: Limner, limner: Limner, since: str, found: int) -> None:
    draw("generate", "a red kite")

    assert len(limner("ledger", "--since", since, "--json").records) == found
    assert len(limner("ledger", "--by", "day", "--since", since, "--json").records) == found
    assert limner("ledger", "--since", "9999-01-01", "--json").out == ""


@pytest.mark.parametrize(
    "args",
    [
        ("--since", "yesterday"),
        ("--since", "7"),
        ("--since", "-7d"),
        ("--by", "moon"),
        ("--limit", "0"),
        ("--json", "--csv"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked_of_the_ledger(limner: Limner, args: tuple[str, ...]) -> None:
    assert limner("ledger", *args).code == 2


def test_verdicts_name_the_rule_and_never_the_text(
    limner: Limner, draw: Limner, house_policy: None
) -> None:
    del house_policy
    draw("generate", "a pineapple")
    draw("generate", "an umbrella", "--acknowledge", "umbrellas")

    shown = limner("ledger", "verdicts").out
    newest, *_, oldest = limner("ledger", "verdicts", "--json").records

    assert "no-pineapples (fruit)" in shown
    assert "pineapple " not in shown
    assert (oldest["decision"], oldest["rule"]) == ("refuse", "no-pineapples")
    assert oldest["session"] is None
    assert len(str(newest["text_sha256"])) == len(str(newest["policy_sha256"])) == 64
    accepted = [r for r in limner("ledger", "verdicts", "--json").records if r["acknowledged"]]
    assert accepted[0]["acknowledged"] == ["umbrellas"]
    assert accepted[0]["acknowledged_by"]


def test_verdicts_of_one_session(limner: Limner, draw: Limner) -> None:
    draw("generate", "a red kite")
    draw("generate", "a blue cup")
    every = limner("ledger", "verdicts", "--json").records

    some = limner("ledger", "verdicts", "--session", "red-kite", "--json").records

    assert len(some) == len(every) // 2
    assert limner("ledger", "verdicts", "--session", "nowhere").code == 2


# ── what is not settled ──────────────────────────────────────────────────────────────────────


def test_unsettled_says_whose_it_is_and_what_can_be_done(limner: Limner, unknown: str) -> None:
    ran = limner("ledger", "unsettled")
    [record] = limner("ledger", "unsettled", "--json").records

    assert f"limner ledger settle {unknown}" in ran.out
    assert f"limner retry {unknown}" in ran.out
    assert (record["id"], record["state"], record["next"]) == (
        unknown,
        "unknown",
        "settle or retry",
    )
    assert record["owner_life"] == "alive"
    assert record["possible_cost"] == {"amount": "0", "currency": "USD", "basis": "estimate"}


def test_settling_needs_no_more_than_yes_or_no(limner: Limner, unknown: str) -> None:
    ran = limner("ledger", "settle", unknown, "--billed", "no", "--note", "not on the bill")

    [entry] = entries(limner)
    assert ran.code == 0
    assert "not billed" in ran.out
    assert (entry["state"], entry["billed"], entry["note"]) == ("failed", "no", "not on the bill")
    assert entry["settled_by"]
    assert limner("ledger", "unsettled", "--json").out == ""


def test_what_it_cost_is_in_the_sums(limner: Limner, unknown: str) -> None:
    limner("ledger", "settle", unknown[:14], "--billed", "yes", "--cost", "0.04")
    [record] = limner("ledger", "--by", "profile", "--json").records

    assert (record["spent"], record["possibly_billed"]) == ("0.04", "0")

    again = limner("ledger", "settle", unknown, "--billed", "no")
    assert again.code == 2
    assert "settled already" in again.err


def test_a_price_that_nobody_knows_is_counted_apart(limner: Limner, unknown: str) -> None:
    limner("ledger", "settle", unknown, "--billed", "yes")

    [record] = limner("ledger", "--by", "profile", "--json").records
    assert (record["spent"], record["unpriced"]) == (None, 1)
    assert "1 at a price that is not known" in limner("ledger", "--by", "profile").out


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--billed", "perhaps"),
        ("--billed", "no", "--cost", "1"),
        ("--billed", "yes", "--currency", "USD"),
        ("--billed", "yes", "--cost", "-1"),
        ("--billed", "yes", "--cost", "nan"),
        ("--billed", "yes", "--cost", "much"),
        ("--billed", "yes", "--cost", "1", "--currency", "dollars"),
        ("--billed", "no", "--note", "x" * 501),
    ],
    ids=lambda args: " ".join(args)[:40],
)
def test_what_cannot_be_said_of_an_attempt(
    limner: Limner, unknown: str, args: tuple[str, ...]
) -> None:
    assert limner("ledger", "settle", unknown, *args).code == 2
    assert entries(limner)[0]["state"] == "unknown"


def test_an_attempt_that_is_not_there_cannot_be_settled(limner: Limner) -> None:
    assert limner("ledger", "settle", "att_nowhere", "--billed", "no").code == 2


# ── again ────────────────────────────────────────────────────────────────────────────────────


def test_retry_is_a_new_turn_with_the_same_words_and_options(draw: Limner, limner: Limner) -> None:
    asked = ("--size", "1536x1024", "--quality", "low", "--output-format", "jpeg")
    draw("generate", "a red kite", *asked, *UNKNOWN)
    first = entries(limner)[0]

    ran = draw("retry", first["id"], "--yes")

    newest, oldest = entries(limner)
    shown = [r for r in limner("show", "red-kite", "--json").records if r["type"] == "turn"]
    assert ran.code == 0
    assert [path.suffix for path in ran.paths] == [".jpg"]
    assert newest["turn"] != oldest["turn"]
    assert newest["requested"] == oldest["requested"]
    assert (oldest["state"], newest["state"]) == ("unknown", "completed")
    assert [turn["prompt"] for turn in shown] == ["a red kite"] * 2
    assert shown[0]["options"] == shown[1]["options"]


def test_retry_of_an_edit_changes_the_same_picture_with_the_same_mask(
    draw: Limner, limner: Limner
) -> None:
    draw("generate", "a red kite")
    draw("edit", "make it night", "--mask-box", "0,0,512,512", *UNKNOWN)

    ran = draw("retry", entries(limner)[0]["id"], "--yes")

    first, failed, again = [
        r for r in limner("show", "red-kite", "--json").records if r["type"] == "turn"
    ]
    assert ran.code == 0
    assert again["editing"] == failed["editing"] == first["images"]
    assert failed["mask"] is not None
    assert again["mask"] == failed["mask"]
    assert again["parent"] == failed["parent"]


def test_retry_says_what_both_may_cost_and_needs_a_yes(limner: Limner, unknown: str) -> None:
    ran = limner("retry", unknown)

    assert ran.code == 2
    assert f"{unknown} may have been billed: up to $0.0000" in ran.err
    assert "costs nothing" in ran.err
    assert "Add --yes" in ran.err
    assert len(entries(limner)) == 1


def test_retry_ends_as_a_turn_ends(draw: Limner, unknown: str) -> None:
    refused = draw("retry", unknown, "--yes", "--fault", "moderation-400", "--json")
    failed = draw("retry", unknown, "--yes", "--fault", "401", "--json")

    assert (refused.code, refused.records[-1]["type"]) == (3, "turn.refused")
    assert (failed.code, failed.records[-1]["type"]) == (4, "turn.failed")


def test_what_was_accepted_the_first_time_is_accepted_again(
    draw: Limner, limner: Limner, house_policy: None
) -> None:
    del house_policy
    draw("generate", "an umbrella", "--acknowledge", "umbrellas", *UNKNOWN)

    assert draw("retry", entries(limner)[0]["id"], "--yes").code == 0


@pytest.mark.parametrize(
    ("fault", "why"),
    [(("--fault", "moderation-400"), "was refused"), ((), "has its picture")],
    ids=["refused", "done"],
)
def test_what_is_refused_or_done_is_not_sent_again(
    draw: Limner, limner: Limner, fault: tuple[str, ...], why: str
) -> None:
    draw("generate", "a red kite", *fault)

    ran = draw("retry", entries(limner)[0]["id"], "--yes")

    assert ran.code == 2
    assert why in ran.err
    assert len(entries(limner)) == 1


def test_a_turn_that_was_forgotten_is_not_sent_again(limner: Limner, unknown: str) -> None:
    limner("forget", "red-kite", "--yes")

    ran = limner("retry", unknown, "--yes")

    assert ran.code == 2
    assert "forgotten" in ran.err


def test_an_attempt_that_is_not_there_is_not_sent_again(limner: Limner) -> None:
    ran = limner("retry", "att_nowhere", "--yes")

    assert (ran.code, "limner ledger lists them" in ran.err) == (2, True)


# ── prices and budgets ───────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("shop")
def test_a_table_of_ones_own_prices_what_is_reserved(limner: Limner) -> None:
    ran = limner("generate", "a red kite", "--max-cost", "0.24")

    assert ran.code == 5
    assert "turn budget of 0.24 CNY" in ran.err
    assert "0.25 needed" in ran.err


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("scope", ["session", "day", "key"])
def test_a_budget_of_the_user_file_holds(limner: Limner, shop: Path, scope: str) -> None:
    file = shop / "config.toml"
    file.write_text(f"{scope}_max_cost = 0.10\n{file.read_text()}")

    ran = limner("generate", "a red kite")

    assert ran.code == 5
    assert f"{scope} budget of 0.1 CNY" in ran.err


def test_a_price_that_is_not_known_and_a_budget_send_nothing_and_say_how_to_tell_it(
    limner: Limner, shop: Path
) -> None:
    shop.joinpath("shop.toml").write_text(TABLE.replace('"*" = 0.25', "low = 0.25"))

    ran = limner("generate", "a red kite", "--max-cost", "10")

    assert ran.code == 5
    assert "price of this request is not known" in ran.err
    assert 'prices = "…" in [profiles.shop]' in ran.err


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (TABLE.replace("0.25", "-1"), "per_image.*.* must be 0 or more"),
        (TABLE.replace("0.25", '"cheap"'), "per_image.*.* must be a number"),
        (TABLE.replace("CNY", "CNX"), "currency is no currency of ISO 4217: 'CNX'; did you mean"),
        (TABLE.replace('currency = "CNY"\n', ""), "currency must be three capital letters"),
        ('kind = "tokens"\ncurrency = "USD"\n[text."gpt-5.5"]\ninput = 1\n', "output is missing"),
        ("kind = ", "is not TOML"),
    ],
    ids=["negative", "no number", "currency", "no currency", "missing", "no TOML"],
)
def test_a_table_with_a_mistake_names_the_file_and_the_key(
    limner: Limner, shop: Path, table: str, complaint: str
) -> None:
    shop.joinpath("shop.toml").write_text(table)

    ran = limner("generate", "a red kite")

    assert ran.code == 2
    assert str(shop / "shop.toml") in ran.err
    assert complaint in ran.err


@pytest.mark.parametrize("prices", ['"nowhere.toml"', '"opnai"'])
def test_a_table_that_is_not_there_names_the_profile(
    limner: Limner, shop: Path, prices: str
) -> None:
    shop.joinpath("config.toml").write_text(SHOP.format(prices=prices))

    ran = limner("generate", "a red kite")

    assert ran.code == 2
    assert "profile shop: prices" in ran.err
    assert "docs/prices.md" in ran.err


@pytest.mark.parametrize("budget", ['"much"', "-1", "nan"])
def test_a_budget_that_is_no_number_names_its_line(limner: Limner, shop: Path, budget: str) -> None:
    file = shop / "config.toml"
    file.write_text(f"key_max_cost = {budget}\n{file.read_text()}")

    ran = limner("generate", "a red kite")

    assert ran.code == 2
    assert "config.toml:1: key_max_cost" in ran.err


def test_the_tables_of_the_documentation_are_tables(limner: Limner, shop: Path) -> None:
    pages = (Path(__file__).parents[2] / "docs" / "prices.md").read_text("utf-8")
    tables = [block.split("```")[0] for block in pages.split("```toml\n")[2:]]

    ends = []
    for table in tables:
        shop.joinpath("shop.toml").write_text(table)
        ends.append(limner("generate", "a red kite", "--max-cost", "0.01").err)

    assert len(tables) == 2
    assert "turn budget of 0.01 USD" in ends[0]
    assert "up to 0.25 needed" in ends[1]


def test_what_auto_may_cost_is_told_as_a_range(limner: Limner, shop: Path) -> None:
    shop.joinpath("shop.toml").write_text(TABLE + '"low" = 0.05\n')
    config = shop / "config.toml"
    refusing = Offline(OfflineOptions(draw="tiny", faults=(parse_fault("401"),)))
    with serving(refusing) as url:
        config.write_text(config.read_text().replace("http://127.0.0.1:9/v1", url))
        ran = limner("generate", "a red kite", "--quality", "auto")

    assert "about ¥0.0500 to ¥0.2500 (estimate)" in ran.err


def test_a_retry_that_cannot_be_still_ends_its_json_with_a_terminal_event(limner: Limner) -> None:
    ran = limner("retry", "att_nowhere", "--yes", "--json")

    assert (ran.code, ran.records[-1]["type"]) == (2, "turn.failed")
