"""Rows of providers: what is refused and how it is named, what a file of one's own changes, where keys come from."""

from pathlib import Path

import pytest

from config.providers import (
    ChatProvider,
    Providers,
    ProvidersError,
    accessible,
    environment,
    providers_of,
    read_providers,
)
from config.settings import Settings

KEY = "sk-canary-0123456789abcdef"
GOOD = 'name = "river"\nbase_url = "https://api.river.example/v1"\nmodel = "pebble"\nexpected_seconds = 1\n'


def file_with(tmp_path: Path, *rows: str, name: str = "rows.toml") -> Path:
    file = tmp_path / name
    file.write_text("".join(f"[[chat]]\n{row}\n" for row in rows), encoding="utf-8")
    return file


def read(tmp_path: Path, *rows: str) -> Providers:
    return read_providers(shipped=file_with(tmp_path, *rows))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (GOOD + 'colour = "red"', "chat 'river' colour: Extra inputs are not permitted"),
        (GOOD.replace('model = "pebble"\n', ""), "chat 'river': needs a model"),
        (GOOD.replace("expected_seconds = 1\n", ""), "chat 'river' expected_seconds: Field required"),
        (GOOD.replace("expected_seconds = 1", "expected_seconds = 0"), "chat 'river' expected_seconds"),
        (GOOD + "priority = 101", "chat 'river' priority"),
        (GOOD + 'dialect = "klingon"', "chat 'river' dialect"),
        (GOOD + "requests_per_minute = 0", "chat 'river' requests_per_minute"),
        (GOOD + "usd_per_million_in = -1", "chat 'river' usd_per_million_in"),
        (GOOD.replace("https://api.river.example/v1", "river"), "chat 'river' base_url: must be an address"),
        (GOOD.replace("https://", "ftp://"), "chat 'river' base_url: must be an address"),
        (GOOD.replace("api.river", "me:secret@api.river"), "chat 'river' base_url: must be a plain address"),
        (GOOD + f'key_env = ["{KEY}"]', "chat 'river' key_env 0: must be the name of an environment variable"),
        (
            GOOD.replace("https", "http") + 'key_env = ["RIVER_KEY"]',
            "chat 'river': must not send a key over plain http",
        ),
        (GOOD.replace('"river"', '"River Stone"'), "chat 'River Stone' name"),
        (GOOD.replace('name = "river"\n', ""), "chat row 1: needs a name"),
        (GOOD.replace('"river"', '["river"]'), "chat row 1: needs a name"),
    ],
)
def test_a_bad_row_stops_and_is_named(tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(ProvidersError) as refusal:
        read(tmp_path, row)
    assert told in str(refusal.value)
    assert "rows.toml" in str(refusal.value)
    assert KEY not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_name_is_there_once(tmp_path: Path) -> None:
    with pytest.raises(ProvidersError, match="chat 'river': is there twice"):
        read(tmp_path, GOOD, GOOD)
    with pytest.raises(ProvidersError, match=r"own\.toml: chat 'river': is there twice"):
        read_providers(file_with(tmp_path, GOOD, GOOD, name="own.toml"), shipped=file_with(tmp_path))


@pytest.mark.parametrize("text", ["chat = 1", 'chat = ["river"]', "[[chat", "[chat]\nx = 1", "[[shout]]\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rows.toml"
    file.write_text(text)
    with pytest.raises(ProvidersError, match=r"rows\.toml"):
        read_providers(shipped=file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProvidersError, match=r"nowhere\.toml"):
        read_providers(tmp_path / "nowhere.toml")


def test_ones_own_file_adds_rows_and_changes_fields_of_shipped_ones(tmp_path: Path) -> None:
    shipped = file_with(tmp_path, GOOD + "priority = 7\n[chat.body]\na = 1\nb = 2")
    own = file_with(
        tmp_path,
        'name = "river"\nmodel = "boulder"\n[chat.body]\na = 3',
        GOOD.replace("river", "lake"),
        name="own.toml",
    )
    river, lake = read_providers(own, shipped=shipped).chat
    assert (river.name, river.model, river.priority, river.body) == ("river", "boulder", 7, {"a": 3})
    assert (lake.name, lake.base_url) == ("lake", "https://api.lake.example/v1")


def test_ones_own_bad_row_is_named_with_its_file(tmp_path: Path) -> None:
    own = file_with(tmp_path, 'name = "groq"\ncolour = 1', name="own.toml")
    with pytest.raises(ProvidersError, match=r"own.toml: chat 'groq' colour"):
        providers_of(Settings(_env_file=None, providers_file=own))


def test_the_settings_choose_the_file(tmp_path: Path) -> None:
    own = file_with(tmp_path, GOOD, name="gateway.toml")
    names = {row.name for row in providers_of(Settings(_env_file=None, providers_file=own)).chat}
    assert {"river", "groq", "ollama"} <= names


def rows(*found: ChatProvider) -> tuple[ChatProvider, ...]:
    return found


def row(name: str, **fields: object) -> ChatProvider:
    given = {"base_url": f"https://api.{name}.example/v1", "model": "m", "expected_seconds": 1, **fields}
    return ChatProvider.model_validate({"name": name, **given})


def test_a_row_without_its_key_is_simply_not_there() -> None:
    keyed = row("river", key_env=["RIVER_KEY", "OTHER_KEY"])
    assert accessible(rows(keyed), {}) == ()
    assert accessible(rows(keyed), {"RIVER_KEY": "  "}) == ()
    [access] = accessible(rows(keyed), {"OTHER_KEY": f" {KEY}\n"})
    assert access.key is not None
    assert access.key.get_secret_value() == KEY
    [first] = accessible(rows(keyed), {"RIVER_KEY": "first", "OTHER_KEY": "second"})
    assert first.key is not None
    assert first.key.get_secret_value() == "first"


def test_a_row_needs_the_variables_of_its_address_too() -> None:
    account = row("cloud", base_url="https://api.example/{ACCOUNT_ID}/v1", key_env=["CLOUD_KEY"])
    assert accessible(rows(account), {"CLOUD_KEY": KEY}) == ()
    [access] = accessible(rows(account), {"CLOUD_KEY": KEY, "ACCOUNT_ID": "a/b?c"})
    assert access.base_url == "https://api.example/a%2Fb%3Fc/v1"


def test_a_row_that_needs_no_key_is_always_there() -> None:
    [access] = accessible(rows(row("own", is_local=True, base_url="http://localhost:1/v1", model="")), {})
    assert access.key is None


def test_local_rows_come_first_then_those_of_priority() -> None:
    late, early, own = row("late", priority=60), row("early", priority=5), row("own", is_local=True, priority=90)
    assert [access.row.name for access in accessible(rows(late, early, own), {})] == ["own", "early", "late"]


def test_no_key_is_in_what_a_row_or_an_access_says_of_itself() -> None:
    keyed = row("river", key_env=["RIVER_KEY"], headers={"x-secret": KEY})
    [access] = accessible(rows(keyed), {"RIVER_KEY": KEY})
    assert KEY not in f"{access!r} {access} {keyed!r} {access.model_dump(exclude={'row'})}"


def test_keys_are_read_from_dot_env_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("RIVER_KEY=written\nLAKE_KEY=written\nSEA_KEY=\n")
    monkeypatch.setenv("RIVER_KEY", "set")
    monkeypatch.setenv("LAKE_KEY", "")
    found = environment(file)
    assert (found["RIVER_KEY"], found["LAKE_KEY"]) == ("set", "written")
    assert "SEA_KEY" not in found
    assert environment(tmp_path / "no.env")["RIVER_KEY"] == "set"
