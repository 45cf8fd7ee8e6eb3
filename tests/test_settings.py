from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.errors import KeyMissing, SettingsError
from agent.keys import write_key
from agent.settings import (
    OFFLINE,
    OPENAI_URL,
    ProfileSettings,
    Settings,
    describe,
    load_settings,
)
from agent.toml_file import key_lines, read_toml

KEY = "sk-abcdefghijklmnop1234"
OTHER = "sk-zyxwvutsrqponmlk9876"
HING = '[profiles.hing]\nbase_url = "https://api.hing.example"\n'

Load = Callable[..., Settings]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a configuration folder and a project: ``conf`` and ``work/deep``."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / ".git").mkdir()
    return tmp_path


@pytest.fixture
def load(home: Path) -> Load:
    """Load with nothing but what a test gives: texts of the two files, variables, flags."""

    def load(
        *,
        user: str = "",
        project: str = "",
        env: Mapping[str, str] | None = None,
        cwd: str = "work",
        **flags: object,
    ) -> Settings:
        (home / "conf" / "config.toml").write_text(user, encoding="utf-8")
        if project:
            (home / "work" / "limner.toml").write_text(project, encoding="utf-8")
        return load_settings(
            flags=flags,
            env={"HOME": str(home), **(env or {})},
            cwd=home / cwd,
            config_dir=home / "conf",
        )

    return load


def key_of(profile: ProfileSettings) -> str | None:
    return profile.api_key.get_secret_value() if profile.api_key else None


def refused(call: Callable[[], object]) -> str:
    """The message of the ``SettingsError``, and its hint."""
    with pytest.raises(SettingsError) as caught:
        call()
    return f"{caught.value} | {caught.value.hint}"


# ── layers ───────────────────────────────────────────────────────────────────────────────────


def test_without_configuration_the_defaults_hold(load: Load, home: Path) -> None:
    settings = load()

    assert (settings.size, settings.quality, settings.partial_images) == ("1024x1024", "medium", 0)
    assert settings.output == "./limner-out/{session}-{n}.{ext}"
    assert (settings.max_cost, settings.profiles, settings.origins) == (None, {}, {})
    assert settings.config_dir == home / "conf"
    assert settings.data_dir.name == "limner"


def test_each_layer_outranks_the_ones_below_it_and_says_so(load: Load) -> None:
    user = '# mine\nsize = "1x1"\nquality = "low"\nmodel = "u"\neffort = "u"\n'
    project = 'size = "2x2"\nquality = "high"\nmodel = "p"\n'
    settings = load(
        user=user,
        project=project,
        env={"LIMNER_SIZE": "3x3", "LIMNER_QUALITY": "max"},
        size="4x4",
    )

    assert (settings.size, settings.quality) == ("4x4", "max")
    assert (settings.model, settings.effort) == ("p", "u")
    assert settings.origins == {
        "size": "flag",
        "quality": "env LIMNER_QUALITY",
        "model": "project ./limner.toml:3",
        "effort": "user ~/conf/config.toml:5",
    }


def test_a_flag_that_was_not_given_and_an_empty_variable_say_nothing(load: Load) -> None:
    settings = load(user='size = "1x1"', env={"LIMNER_SIZE": "  "}, size=None)

    assert settings.origins == {"size": "user ~/conf/config.toml:1"}


def test_variables_are_read_as_what_they_stand_for(load: Load, home: Path) -> None:
    settings = load(
        env={
            "LIMNER_MAX_COST": "0.10",
            "LIMNER_PARTIAL_IMAGES": "2",
            "LIMNER_LOG_CONTENT": "1",
            "LIMNER_LOG_LEVEL": "DEBUG",
            "LIMNER_IMAGE_MODEL": "gpt-image-2.6-flare",
            "LIMNER_OUTPUT": "pictures/",
            "LIMNER_HOME": "~/pictures",
            "LIMNER_POLICY": "own.yaml",
        }
    )

    assert settings.max_cost == Decimal("0.10")
    assert (settings.partial_images, settings.log_content, settings.log_level) == (2, True, "debug")
    assert (settings.image_model, settings.output) == ("gpt-image-2.6-flare", "pictures/")
    assert settings.data_dir == home / "pictures"
    assert settings.policy == home / "work" / "own.yaml"
    assert settings.origins["data_dir"] == "env LIMNER_HOME"


def test_paths_in_the_user_file_are_relative_to_it(load: Load, home: Path) -> None:
    settings = load(user='policy = "own.yaml"\ndata_dir = "/srv/limner"\n')

    assert settings.policy == home / "conf" / "own.yaml"
    assert settings.data_dir == Path("/srv/limner")


def test_the_process_environment_is_read_when_none_is_given(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("LIMNER_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LIMNER_CONFIG_DIR", str(home / "conf"))
    monkeypatch.setenv("LIMNER_SIZE", "3x3")
    monkeypatch.chdir(home / "work")
    (home / "conf" / "config.toml").write_text('quality = "low"')
    (home / "work" / "limner.toml").write_text('model = "p"')
    settings = load_settings()

    assert (settings.size, settings.quality, settings.model) == ("3x3", "low", "p")
    assert settings.config_dir == home / "conf"


def test_settings_cannot_be_changed(load: Load) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(load(), "size", "4x4")  # noqa: B010


def test_a_variable_with_a_slip_in_its_name_is_told(load: Load) -> None:
    settings = load(env={"LIMNER_QUALTY": "low", "LIMNER_SOMETHING_ELSE": "1", "OTHER_SIZE": "2"})

    assert settings.notices == (
        "LIMNER_QUALTY is not a setting and was ignored; did you mean LIMNER_QUALITY?",
    )


def test_the_defaults_of_a_picture_come_from_every_layer(load: Load) -> None:
    settings = load(user='image_model = "gpt-image-1.5"\n', project="output_compression = 80\n")
    options = settings.image_options(settings.resolve(OFFLINE, allow_offline=False))

    assert (options.model, options.output_compression) == ("gpt-image-1.5", 80)
    assert (options.size, options.moderation) == ("1024x1024", "auto")


def test_without_a_choice_the_picture_model_is_the_documented_default(load: Load) -> None:
    settings = load()

    assert settings.image_options(settings.resolve(allow_offline=True)).model == "gpt-image-2"


# ── the project file ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        'base_url = "https://evil.example"',
        'api_key = "sk-secret"',
        'policy = "none.yaml"',
        'database_url = "postgresql://evil.example/x"',
        'blob_url = "s3://evil/x"',
        'blob_public_url = "https://evil.example"',
        "blob_url_minutes = 9000",
        'data_dir = "/tmp/x"',
        "log_content = true",
        'moderation = "low"',
        "allow_http = true",
        'prices = "free"',
        'profiles.hing.base_url = "https://evil.example"',
        '[profiles.hing]\nbase_url = "https://evil.example"',
        '[[profiles]]\nbase_url = "https://evil.example"',
    ],
)
def test_a_project_file_may_not_say_where_pictures_keys_and_money_go(load: Load, line: str) -> None:
    key = line.lstrip("[").split(" ")[0].split(".")[0].split("]")[0]
    message = refused(lambda: load(project=f'# ours\nsize = "1x1"\n\n{line}\n'))

    assert message.startswith(f"./limner.toml:4: {key} may not be set by a project file;")
    assert "user file" in message
    assert "evil" not in message
    assert "sk-secret" not in message


def test_a_project_file_may_choose_a_profile_that_the_user_configured(load: Load) -> None:
    two = HING + '[profiles.other]\nbase_url = "https://other.example"\napi_key_env = "K"\n'
    settings = load(user=two, project='profile = "other"', env={"K": KEY})

    assert settings.resolve(allow_offline=False).name == "other"


@pytest.mark.parametrize(
    ("user", "project", "holds", "origin"),
    [
        ("max_cost = 2", "max_cost = 9", "2", "user ~/conf/config.toml:1"),
        ("max_cost = 2", "max_cost = 0.5", "0.5", "project ./limner.toml:1"),
        ("", "max_cost = 9", "9", "project ./limner.toml:1"),
    ],
)
def test_a_project_file_can_lower_a_budget_and_not_raise_it(
    load: Load, user: str, project: str, holds: str, origin: str
) -> None:
    settings = load(user=user, project=project)

    assert settings.max_cost == Decimal(holds)
    assert settings.origins["max_cost"] == origin


def test_a_person_can_raise_a_budget_above_the_projects(load: Load) -> None:
    settings = load(project="max_cost = 1", env={"LIMNER_MAX_COST": "5"})

    assert settings.max_cost == 5


def test_the_project_file_is_found_from_a_folder_inside(load: Load) -> None:
    settings = load(project='size = "2x2"\noutput = "art/"', cwd="work/deep")

    assert settings.origins["size"] == "project ../limner.toml:1"
    assert settings.output == "../art/"


def test_no_project_file_is_looked_for_above_the_repository(load: Load, home: Path) -> None:
    (home / "limner.toml").write_text('size = "9x9"')

    assert load(cwd="work/deep").origins == {}


def test_the_search_goes_up_to_home_and_no_further(load: Load, home: Path) -> None:
    (home / "plain" / "deep").mkdir(parents=True)
    (home / "limner.toml").write_text('size = "9x9"')
    (home.parent / "limner.toml").write_text('size = "7x7"')
    found = load(cwd="plain/deep").size
    (home / "limner.toml").unlink()

    assert (found, load(cwd="plain/deep").origins) == ("9x9", {})
    (home.parent / "limner.toml").unlink()


def test_outside_of_home_and_repositories_only_the_folder_itself_counts(home: Path) -> None:
    """Nobody can leave a file in a shared folder for those who work below it."""
    (home / "shared" / "mine").mkdir(parents=True)
    (home / "shared" / "limner.toml").write_text('size = "9x9"')
    sizes = [
        load_settings(
            env={"HOME": str(home / "work")}, cwd=home / folder, config_dir=home / "conf"
        ).size
        for folder in ("shared/mine", "shared")
    ]

    assert sizes == ["1024x1024", "9x9"]


@pytest.mark.parametrize("output", ["../x/", "/etc/x.png", "~/x.png", "a/../../x.png"])
def test_a_project_file_cannot_put_pictures_outside_of_its_folder(load: Load, output: str) -> None:
    assert "./limner.toml:1: output may not lead out" in refused(
        lambda: load(project=f'output = "{output}"')
    )


def test_a_project_output_keeps_its_template_and_its_slash(load: Load) -> None:
    assert load(project='output = "./art/{session}/"').output == "art/{session}/"
    assert load(project='output = "{session}-{n}.{ext}"').output == "{session}-{n}.{ext}"


# ── mistakes in files, variables and flags ───────────────────────────────────────────────────


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(load: Load) -> None:
    assert "~/conf/config.toml:2: unknown key 'qualty'; did you mean 'quality'?" in refused(
        lambda: load(user='size = "1x1"\nqualty = "low"\n')
    )
    assert "config.toml:3: unknown key 'base_uri'; did you mean 'base_url'?" in refused(
        lambda: load(user=HING + 'base_uri = "https://x.example"\n')
    )


def test_an_unknown_key_in_a_project_file_is_answered_with_what_a_project_may_say(
    load: Load,
) -> None:
    assert "./limner.toml:1: unknown key 'modle'; did you mean 'model'?" in refused(
        lambda: load(project='modle = "x"')
    )


def test_an_unknown_key_like_no_other_is_answered_with_all_of_them(load: Load) -> None:
    message = refused(lambda: load(user="zzz = 1"))

    assert "config.toml:1: unknown key 'zzz'; known are: background, " in message


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('quality = "ultra"', "~/conf/config.toml:1: quality: ", "'low', 'medium'"),
        ("max_cost = -1", "~/conf/config.toml:1: max_cost: ", "write an amount from 0 to"),
        ("max_cost = nan", "~/conf/config.toml:1: max_cost: ", "write an amount from 0 to"),
        ("max_cost = true", "~/conf/config.toml:1: max_cost: ", "write an amount from 0 to"),
        ("max_cost = 1e-13", "~/conf/config.toml:1: max_cost: ", "write an amount from 0 to"),
        (
            HING + 'day_max_cost = "ten"',
            "~/conf/config.toml:3: day_max_cost: ",
            "write an amount from 0 to",
        ),
        ("partial_images = 4", "~/conf/config.toml:1: partial_images: ", "less than or equal to 3"),
        ('model = " "', "~/conf/config.toml:1: model: ", "at least 1 character"),
        ("profiles = 3", "~/conf/config.toml:1: profiles: ", "dictionary"),
        ("[profiles]\nx = 3", "~/conf/config.toml:2: profiles.x: ", "dictionary"),
        (HING + "total_s = 0", "~/conf/config.toml:3: total_s: ", "greater than 0"),
        (HING + "silence_s = inf", "~/conf/config.toml:3: silence_s: ", "finite"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_line(
    load: Load, text: str, place: str, reason: str
) -> None:
    message = refused(lambda: load(user=text))

    assert message.startswith(place)
    assert reason in message


def test_a_wrong_variable_and_a_wrong_flag_are_named(load: Load) -> None:
    assert refused(lambda: load(env={"LIMNER_MAX_COST": "much"})).startswith("LIMNER_MAX_COST: ")
    assert refused(lambda: load(output_format="bmp")).startswith("--output-format: ")
    assert "did you mean 'quality'?" in refused(lambda: load(qualty="low"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'size = "1x1"\nquality = low\n', "~/conf/config.toml:2: "),
        (b"size = \n", "~/conf/config.toml:1: "),
        (b'size = "1x1', "~/conf/config.toml:"),
        (b"size = '\xff'", "~/conf/config.toml:"),
        (b"a = " + b"[" * 60_000, "~/conf/config.toml:"),
    ],
    ids=["value", "nothing", "open string", "bytes", "too deep"],
)
def test_a_file_that_is_not_toml_is_named_with_the_line(
    home: Path, text: bytes, place: str
) -> None:
    (home / "conf" / "config.toml").write_bytes(text)
    env = {"HOME": str(home)}

    message = refused(lambda: load_settings(env=env, cwd=home / "work", config_dir=home / "conf"))

    assert message.startswith(place)
    assert ": not valid TOML: " in message


def test_a_file_that_cannot_be_read_is_named(home: Path) -> None:
    (home / "conf" / "config.toml").mkdir()
    env = {"HOME": str(home)}

    assert "config.toml: cannot be read" in refused(
        lambda: load_settings(env=env, cwd=home / "work", config_dir=home / "conf")
    )


def test_a_file_saved_by_a_windows_editor_is_read(home: Path, load: Load) -> None:
    (home / "work" / "limner.toml").write_bytes(b'\xef\xbb\xbfsize = "2x2"\r\nquality = "low"\r\n')
    settings = load()

    assert (settings.size, settings.origins["quality"]) == ("2x2", "project ./limner.toml:2")


def test_a_key_in_the_user_file_is_refused_without_repeating_it(load: Load) -> None:
    message = refused(lambda: load(user=HING + f'api_key = "{KEY}"\n'))

    assert "config.toml:3: api_key does not belong into this file: limner keys set" in message
    assert KEY not in message


def test_a_line_is_found_for_every_way_of_writing_a_key() -> None:
    lines = key_lines(
        "# nothing\n"
        "a = 1\n"
        "b = [\n  1, # [x]\n  2,\n]\n"
        'c = """\n[not.a.table]\nd = 1\n"""\n'
        "e.f = { g = 1 }\n"
        "\n[t]\nh = 1\n"
        '["t"."x.y"]  # quoted\n'
        "  i = 1\n"
        "[[many]]\nj = 1\n[[many]]\nj = 2\n"
    )

    assert {".".join(path): line for path, line in lines.items()} == {
        "a": 2,
        "b": 3,
        "c": 7,
        "e": 11,
        "e.f": 11,
        "e.f.g": 11,
        "t": 13,
        "t.h": 14,
        "t.x.y": 15,
        "t.x.y.i": 16,
        "many": 17,
        "many.j": 18,
    }


def test_a_place_without_a_line_of_its_own_is_the_line_around_it(home: Path) -> None:
    (home / "a.toml").write_text("\n[t]\nh = 1\n")
    file = read_toml(home / "a.toml", "a.toml")

    assert file.where(("t", "missing", "deep")) == "a.toml:2"
    assert file.where(("missing",)) == "a.toml"


def test_a_folder_that_is_gone_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert "the current folder is gone" in refused(
        lambda: load_settings(env={}, config_dir=home / "conf")
    )


def test_a_file_made_to_be_slow_is_read_at_once_or_refused(load: Load) -> None:
    """Ten thousand lines in one value would be parsed ten thousand times over."""
    long = "\n".join(["a = [", *["1,"] * 10_000, "]", "zzz = 1"])

    assert key_lines(long) == {}
    assert refused(lambda: load(user=long)).startswith("~/conf/config.toml: unknown key")
    assert "larger than 64 KiB" in refused(lambda: load(user="#" * 70_000))


# ── which server ─────────────────────────────────────────────────────────────────────────────


def test_nothing_configured_is_offline_where_that_is_allowed(load: Load) -> None:
    profile = load().resolve(allow_offline=True)

    assert (profile.name, profile.offline, profile.api_key) == (OFFLINE, True, None)
    assert profile.base_url == "http://offline.invalid/v1"


def test_nothing_configured_is_an_error_where_offline_must_be_asked_for(load: Load) -> None:
    with pytest.raises(KeyMissing, match="--profile offline") as caught:
        load().resolve(allow_offline=False)

    assert "OPENAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OPENAI_BASE_URL": "https://gateway.example"},
        {"OPENAI_BASE_URL": "not a url", "OPENAI_API_KEY": "eyJa.b.c"},
        {"LIMNER_API_KEY": KEY},
        {"LIMNER_PROFILE": "unknown", "OPENAI_API_KEY": KEY},
    ],
)
def test_offline_can_always_be_asked_for(load: Load, env: dict[str, str]) -> None:
    assert load(env=env).resolve("offline", allow_offline=False).offline
    assert load(env=env, profile="offline").resolve(allow_offline=False).offline


def test_openais_key_alone_makes_the_profile_openai(load: Load) -> None:
    settings = load(env={"OPENAI_API_KEY": f" {KEY}\n"})
    profile = settings.resolve(allow_offline=True)

    assert (profile.name, profile.base_url, key_of(profile)) == ("openai", OPENAI_URL, KEY)
    assert (profile.offline, profile.key_origin) == (False, "env OPENAI_API_KEY")
    assert settings.origins["profiles.openai.base_url"] == "default"


@pytest.mark.parametrize(("url", "told"), [(None, "org-mine"), ("https://b.example", None)])
def test_whose_account_is_billed_is_told_to_openai_alone(
    load: Load, url: str | None, told: str | None
) -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-mine", "OPENAI_PROJECT_ID": ""}
    profile = load(env=env | ({"OPENAI_BASE_URL": url} if url else {})).resolve(allow_offline=False)

    assert (profile.organization, profile.project) == (told, None)


def test_a_profile_may_name_an_organization_and_a_project(load: Load) -> None:
    user = HING + 'api_key_env = "HING_KEY"\norganization = "org-1"\nproject = "proj-1"\n'

    profile = load(user=user, env={"HING_KEY": OTHER, "OPENAI_ORG_ID": "org-2"}).resolve(
        "hing", allow_offline=False
    )

    assert (profile.organization, profile.project) == ("org-1", "proj-1")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com", "openai"),
        ("https://gateway.example", "gateway.example"),
        ("http://localhost:4000/v1", "localhost-4000"),
        ("http://[::1]:4000", "1-4000"),
        ("http://offline/v1", "offline-host"),
        ("http://env", "env-host"),
    ],
)
def test_openais_key_goes_with_openais_url_into_a_profile_named_after_the_host(
    load: Load, url: str, name: str
) -> None:
    settings = load(env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url})
    profile = settings.resolve(allow_offline=True)

    assert (profile.name, profile.offline, key_of(profile)) == (name, False, KEY)
    assert settings.origins[f"profiles.{name}.base_url"] == "env OPENAI_BASE_URL"


@pytest.mark.parametrize(
    "env",
    [
        {"OPENAI_BASE_URL": "https://gateway.example"},
        {"OPENAI_BASE_URL": "https://gateway.example", "OPENAI_API_KEY": " "},
        {"LIMNER_BASE_URL": "https://gateway.example"},
        {"LIMNER_BASE_URL": "https://gateway.example", "OPENAI_API_KEY": KEY},
    ],
)
def test_a_url_without_its_key_is_an_error_and_never_silently_offline(
    load: Load, env: dict[str, str]
) -> None:
    with pytest.raises(KeyMissing, match=r"no key for https://gateway\.example/v1") as caught:
        load(env=env).resolve(allow_offline=True)

    assert "limner keys set" in caught.value.hint
    assert "--profile offline" in caught.value.hint


def test_limners_own_variables_make_the_profile_env_and_outrank_openais(load: Load) -> None:
    env = {
        "LIMNER_BASE_URL": "https://gateway.example",
        "LIMNER_API_KEY": OTHER,
        "LIMNER_DIALECT": "sub2api",
        "OPENAI_API_KEY": KEY,
    }
    settings = load(user=HING, env=env)
    profile = settings.resolve(allow_offline=False)

    assert (profile.name, profile.base_url) == ("env", "https://gateway.example/v1")
    assert (key_of(profile), profile.dialect) == (OTHER, "sub2api")
    assert key_of(settings.resolve("openai", allow_offline=False)) == KEY


def test_limners_key_without_a_url_is_sent_nowhere(load: Load) -> None:
    message = refused(lambda: load(env={"LIMNER_API_KEY": KEY}).resolve(allow_offline=True))

    assert "LIMNER_API_KEY needs LIMNER_BASE_URL" in message
    assert KEY not in message


@pytest.mark.parametrize(
    "url", ["gateway.example", "http://gateway.example", "https://a:b@c.example"]
)
def test_a_url_that_cannot_be_used_is_told_when_it_is_needed(load: Load, url: str) -> None:
    settings = load(env={"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY})

    assert refused(lambda: settings.resolve(allow_offline=True)).startswith("OPENAI_BASE_URL: ")


def test_plain_http_is_possible_when_asked_for(load: Load) -> None:
    env = {"OPENAI_BASE_URL": "http://gateway.example", "OPENAI_API_KEY": KEY}

    assert "LIMNER_ALLOW_HTTP=1" in refused(lambda: load(env=env).resolve(allow_offline=True))
    assert (
        load(env={**env, "LIMNER_ALLOW_HTTP": "1"}).resolve(allow_offline=True).base_url
        == "http://gateway.example/v1"
    )


def test_a_sign_in_token_is_refused_when_it_would_be_sent(load: Load) -> None:
    """R4."""
    settings = load(env={"OPENAI_API_KEY": "eyJhbGci.eyJzdWIi.c2ln"})

    message = refused(lambda: settings.resolve(allow_offline=True))

    assert message.startswith("env OPENAI_API_KEY: this is a sign-in token")
    assert "eyJhbGci" not in message


def test_the_only_configured_profile_is_used(load: Load) -> None:
    user = HING + 'api_key_env = "HING_KEY"\ndialect = "hingnet"\n'
    profile = load(user=user, env={"HING_KEY": KEY}).resolve(allow_offline=True)

    assert (profile.name, key_of(profile), profile.dialect) == ("hing", KEY, "hingnet")
    assert profile.base_url == "https://api.hing.example/v1"


def test_the_only_configured_profile_is_used_though_openais_key_is_around(load: Load) -> None:
    user = HING + 'api_key_env = "HING_KEY"\n'
    settings = load(user=user, env={"HING_KEY": OTHER, "OPENAI_API_KEY": KEY})

    assert settings.resolve(allow_offline=True).name == "hing"
    assert settings.resolve("openai", allow_offline=True).name == "openai"


def test_of_several_profiles_one_must_be_chosen(load: Load) -> None:
    two = HING + '[profiles.b]\nbase_url = "https://b.example"\n'

    message = refused(lambda: load(user=two).resolve(allow_offline=True))

    assert "several profiles and none chosen: b, hing" in message
    assert "--profile" in message
    assert load(user=two, env={"OPENAI_API_KEY": KEY}).resolve(allow_offline=True).name == "openai"


def test_a_profile_is_chosen_by_flag_then_variable_then_project_then_user(load: Load) -> None:
    names = ["a", "b", "c", "d", "e"]
    user = 'profile = "d"\n' + "".join(
        f'[profiles.{name}]\nbase_url = "https://{name}.example"\napi_key_env = "K"\n'
        for name in names
    )
    given = {"user": user, "env": {"K": KEY}}
    chosen = [
        load(**given).resolve(allow_offline=False),
        load(**given, project='profile = "c"').resolve(allow_offline=False),
        load(user=user, env={"K": KEY, "LIMNER_PROFILE": "b"}).resolve(allow_offline=False),
        load(user=user, env={"K": KEY, "LIMNER_PROFILE": "b"}, profile="a").resolve(
            allow_offline=False
        ),
        load(**given, profile="a").resolve("e", allow_offline=False),
    ]

    assert [profile.name for profile in chosen] == ["d", "c", "b", "a", "e"]


def test_an_unknown_profile_is_answered_with_those_there_are(load: Load) -> None:
    assert "no profile 'hong'; there are: hing, offline" in refused(
        lambda: load(user=HING).resolve("hong", allow_offline=True)
    )


@pytest.mark.parametrize("name", ["offline", "env", '"a b"', '""', '"../x"'])
def test_a_profile_cannot_take_a_name_that_means_something_else(load: Load, name: str) -> None:
    message = refused(lambda: load(user=f'\n[profiles.{name}]\nbase_url = "https://x.example"\n'))

    assert message.startswith("~/conf/config.toml:2: ")
    assert "cannot name a profile" in message


def test_a_profile_needs_a_base_url_that_works(load: Load) -> None:
    assert "config.toml:1: profile x needs a base_url" in refused(
        lambda: load(user='[profiles.x]\nbase_url = " "\n')
    )
    assert "config.toml:1: profile x needs a base_url" in refused(
        lambda: load(user='[profiles.x]\nmodel = "m"\n')
    )
    assert "config.toml:3: http://x.example would send the key unencrypted" in refused(
        lambda: load(user='[profiles.x]\nmodel = "m"\nbase_url = "http://x.example"\n')
    )


def test_a_broken_url_of_the_environment_does_not_stop_another_profile(load: Load) -> None:
    user = HING + 'api_key_env = "K"\n'
    settings = load(user=user, env={"OPENAI_BASE_URL": "junk", "K": KEY})

    assert settings.resolve(allow_offline=False).name == "hing"


def test_openai_needs_no_base_url(load: Load) -> None:
    settings = load(user='[profiles.openai]\nmodel = "gpt-6"\n', env={"OPENAI_API_KEY": KEY})
    profile = settings.resolve(allow_offline=False)

    assert (profile.base_url, profile.model, key_of(profile)) == (OPENAI_URL, "gpt-6", KEY)


def test_the_environments_url_replaces_a_profile_of_the_same_name_elsewhere(load: Load) -> None:
    user = (
        '[profiles."gw.example"]\nbase_url = "https://old.example"\nprices = "old"\n'
        '[profiles.openai]\nprices = "mine"\n'
    )
    env = {"OPENAI_BASE_URL": "https://gw.example/proxy/v1", "OPENAI_API_KEY": KEY}
    profile = load(user=user, env=env).resolve("gw.example", allow_offline=False)

    assert (profile.base_url, profile.prices) == ("https://gw.example/proxy/v1", None)


def test_the_environments_url_keeps_what_the_user_says_of_the_same_server(load: Load) -> None:
    user = '[profiles."gw.example"]\nbase_url = "https://gw.example/v1"\nprices = "mine"\n'
    env = {"OPENAI_BASE_URL": "https://gw.example/v2", "OPENAI_API_KEY": KEY}
    profile = load(user=user, env=env).resolve(allow_offline=False)

    assert (profile.base_url, profile.prices) == ("https://gw.example/v2", "mine")


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, "profile's"),
        ({"user": 'model = "user\'s"\n'}, "profile's"),
        ({"project": 'model = "project\'s"\n'}, "project's"),
        ({"model": "flag's"}, "flag's"),
    ],
)
def test_a_profiles_model_outranks_the_user_file_and_nothing_above_it(
    load: Load, given: dict[str, str], model: str
) -> None:
    user = given.get("user", "") + HING + 'model = "profile\'s"\napi_key_env = "K"\n'
    settings = load(**{**given, "user": user}, env={"K": KEY})

    assert settings.resolve("hing", allow_offline=False).model == model


def test_the_user_files_model_holds_for_a_profile_that_names_none(load: Load) -> None:
    user = 'model = "m"\nvia = "images"\n' + HING + 'api_key_env = "K"\n'
    profile = load(user=user, env={"K": KEY}).resolve(allow_offline=False)

    assert (profile.model, profile.via, profile.image_model) == ("m", "images", None)


# ── stored keys ──────────────────────────────────────────────────────────────────────────────


def test_a_stored_key_is_used_for_its_profile(load: Load, home: Path) -> None:
    settings = load(user=HING)
    write_key("hing", KEY, base_url=settings.base_url_of("hing"), config_dir=home / "conf")
    profile = load(user=HING).resolve(allow_offline=False)

    assert (key_of(profile), profile.key_origin) == (KEY, "user keys.toml")


def test_a_stored_key_is_not_sent_to_another_server(load: Load, home: Path) -> None:
    write_key("hing", KEY, base_url="https://api.hing.example/v1", config_dir=home / "conf")
    moved = HING.replace("hing.example", "hong.example")
    with pytest.raises(KeyMissing, match=r"was set for https://api\.hing\.example.*set it again"):
        load(user=moved).resolve(allow_offline=True)


def test_a_key_stored_for_openai_is_all_that_openai_needs(load: Load, home: Path) -> None:
    write_key("openai", KEY, base_url=load().base_url_of("openai"), config_dir=home / "conf")
    profile = load().resolve(allow_offline=True)

    assert (profile.name, profile.base_url, key_of(profile)) == ("openai", OPENAI_URL, KEY)


def test_the_environments_key_outranks_a_stored_one(load: Load, home: Path) -> None:
    write_key("openai", KEY, base_url=OPENAI_URL, config_dir=home / "conf")

    assert key_of(load(env={"OPENAI_API_KEY": OTHER}).resolve(allow_offline=True)) == OTHER


def test_a_key_stored_for_no_profile_is_told_and_not_taken_for_nothing(
    load: Load, home: Path
) -> None:
    write_key("hing", KEY, base_url="https://api.hing.example", config_dir=home / "conf")
    message = refused(lambda: load().resolve(allow_offline=True))

    assert "there is a key for profile hing, but no such profile" in message
    assert "[profiles.hing]" in message


def test_a_profile_gets_openais_key_only_when_it_is_openai(load: Load) -> None:
    """A key is sent to the origin it was configured with, whatever the profile is called."""
    user = HING + '[profiles.work]\nbase_url = "https://api.openai.com/v1"\n'
    settings = load(user=user, env={"OPENAI_API_KEY": KEY})

    assert key_of(settings.resolve("work", allow_offline=False)) == KEY
    with pytest.raises(KeyMissing):
        settings.resolve("hing", allow_offline=False)


def test_a_missing_variable_of_a_profile_is_named(load: Load) -> None:
    with pytest.raises(KeyMissing, match=r"profile hing: no key for .* \(HING_KEY is not set\)"):
        load(user=HING + 'api_key_env = "HING_KEY"\n').resolve(allow_offline=True)


def test_a_profiles_own_variable_outranks_openais(load: Load) -> None:
    user = '[profiles.openai]\napi_key_env = "WORK_KEY"\n'
    settings = load(user=user, env={"WORK_KEY": OTHER, "OPENAI_API_KEY": KEY})

    assert key_of(settings.resolve(allow_offline=False)) == OTHER


def test_a_key_cannot_be_stored_for_a_profile_without_a_url(load: Load) -> None:
    message = refused(lambda: load().base_url_of("hing"))

    assert "no profile 'hing' to hold a key" in message
    assert "[profiles.hing]" in message


def test_notices_of_the_key_file_reach_the_settings(load: Load, home: Path) -> None:
    write_key("openai", KEY, base_url=OPENAI_URL, config_dir=home / "conf").chmod(0o644)

    assert "is now 0600" in load().notices[0]


# ── showing ──────────────────────────────────────────────────────────────────────────────────


def test_everything_is_shown_with_its_origin_and_no_secret(load: Load) -> None:
    settings = load(
        user=f'size = "1x1"\n{HING}api_key_env = "HING_KEY"\n',
        env={
            "HING_KEY": KEY,
            "OPENAI_API_KEY": OTHER,
            "LIMNER_DATABASE_URL": "postgresql://limner:p@ss@db.example/limner?password=hunter2",
            "LIMNER_DIALECT": "generic",
        },
        log_content=True,
    )
    rows = {key: (value, origin) for key, value, origin in describe(settings)}

    assert rows["size"] == ("1x1", "user ~/conf/config.toml:1")
    assert rows["quality"] == ("medium", "default")
    assert rows["max_cost"] == ("not set", "default")
    assert rows["log_content"] == ("true", "flag")
    assert rows["database_url"] == ("postgresql://…@db.example/limner", "env LIMNER_DATABASE_URL")
    assert rows["profiles.hing.api_key"] == ("sk-…1234", "env HING_KEY")
    assert rows["profiles.hing.base_url"] == (
        "https://api.hing.example/v1",
        "user ~/conf/config.toml:3",
    )
    assert rows["profiles.hing.dialect"] == ("generic", "env LIMNER_DIALECT")
    assert rows["profiles.openai.api_key"] == ("sk-…9876", "env OPENAI_API_KEY")
    for secret in (KEY, OTHER, "p@ss", "hunter2"):
        assert secret not in str(rows) + repr(settings) + settings.model_dump_json()


def test_a_server_that_cannot_be_used_is_shown_with_the_reason(load: Load) -> None:
    rows = {row[0]: row[1:] for row in describe(load(user=HING, env={"OPENAI_BASE_URL": "junk"}))}

    assert rows["profiles.openai"][0].startswith("OPENAI_BASE_URL: base URL: must begin")
    assert rows["profiles.hing"] == ("no key", "user ~/conf/config.toml:1")


def test_a_database_without_a_password_is_shown_as_it_is(load: Load) -> None:
    rows = dict(row[:2] for row in describe(load(env={"LIMNER_DATABASE_URL": "sqlite:///x.db"})))

    assert rows["database_url"] == "sqlite:///x.db"
