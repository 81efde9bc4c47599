from pathlib import Path

import pytest

from config.settings import DEFAULT_REDIS_URL, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No .env of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRIYA_HOME", str(tmp_path / "home"))
    return tmp_path


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert settings.request_timeout == 45
    assert settings.max_concurrent_requests == 10
    assert settings.voice_lock_timeout == 30
    assert settings.max_memory_mb == 500
    assert (settings.model_timeout, settings.model_retries) == (30, 3)
    assert (settings.temperature, settings.max_tokens) == (0.95, 200)
    assert settings.transcribe_engines == ("auto",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REQUEST_TIMEOUT", "soon"),
        ("LOG_LEVEL", "loud"),
        ("REDIS_URL", "http://somewhere"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
        ("TEMPERATURE", "99"),
        ("DISCORD_API_BASE", "ftp://somewhere/api"),
        ("DISCORD_API_BASE", "http://"),
        ("SHARD_COUNT", "0"),
        ("SHARD_COUNT", "many"),
        ("SHARD_IDS", "one"),
        ("SHARD_IDS", "-1"),
        ("SHARD_IDS", "1,1"),
        ("STOP_TIMEOUT", "0"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT", "soon")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match=r"(?s)LOG_LEVEL.*REQUEST_TIMEOUT|REQUEST_TIMEOUT.*LOG_LEVEL"):
        load_settings()


def test_a_bad_secret_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://:hunter2-canary@somewhere")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "REDIS_URL" in str(caught.value)
    assert "hunter2-canary" not in str(caught.value)


def test_secrets_are_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "hunter2-canary")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2-canary@somewhere:1/0")
    settings = load_settings()
    assert "hunter2-canary" not in f"{settings!r} {settings}"
    assert settings.broker_url == "redis://:hunter2-canary@somewhere:1/0"


def test_a_dotenv_file_is_read_and_the_environment_wins(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / ".env").write_text("MAX_TOKENS=77\nTEMPERATURE=0.5\nSOMETHING_ELSE=1\nDISCORD_TOKEN=\n")
    monkeypatch.setenv("TEMPERATURE", "0.6")
    settings = load_settings()
    assert (settings.max_tokens, settings.temperature, settings.discord_token) == (77, 0.6, None)


def test_engines_are_a_comma_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHESIZE_ENGINES", " piper, hibari ,")
    assert load_settings().synthesize_engines == ("piper", "hibari")
    monkeypatch.setenv("SYNTHESIZE_ENGINES", "")
    assert load_settings().synthesize_engines == ("auto",)


def test_shards_are_a_comma_list_and_none_means_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().shard_ids, load_settings().shard_count) == ((), None)
    monkeypatch.setenv("SHARD_IDS", " 0, 2 ,")
    monkeypatch.setenv("SHARD_COUNT", "3")
    assert (load_settings().shard_ids, load_settings().shard_count) == ((0, 2), 3)
    monkeypatch.setenv("SHARD_IDS", "")
    monkeypatch.setenv("SHARD_COUNT", "")
    assert (load_settings().shard_ids, load_settings().shard_count) == ((), None)


def test_shards_need_to_know_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARD_IDS", "0,3")
    with pytest.raises(SettingsError, match="SHARD_COUNT: must be set together with SHARD_IDS"):
        load_settings()
    monkeypatch.setenv("SHARD_COUNT", "3")
    with pytest.raises(SettingsError, match="SHARD_COUNT: must be above every number in SHARD_IDS, so at least 4"):
        load_settings()


def test_without_a_url_the_running_stack_is_found() -> None:
    settings = load_settings()
    settings.run_folder.mkdir(parents=True)
    (settings.run_folder / "redis.url").write_text("redis://127.0.0.1:4711/0\n")
    assert load_settings().broker_url == "redis://127.0.0.1:4711/0"
    (settings.run_folder / "redis.url").unlink()
    assert load_settings().broker_url == DEFAULT_REDIS_URL


def test_every_setting_is_in_the_example_file() -> None:
    example = (Path(__file__).parents[3] / ".env.example").read_text(encoding="utf-8")
    assert not [name for name in Settings.model_fields if f"{name.upper()}=" not in example]
