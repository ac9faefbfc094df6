"""The key of a server: where it comes from, and who sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local.errors import ConfigError, PrerequisiteError
from alref_local.reason.card import Card
from alref_local.serve.key import KEY_ENV, key_for


def card(key_env: str = "") -> Card:
    return Card(name="mine", kind="vllm", model="m", endpoint="http://127.0.0.1:8000/v1", key_env=key_env)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_none_on_the_loopback(host: str, tmp_path: Path) -> None:
    """A person alone on a machine would have to handle keys."""
    assert key_for(card(), host, tmp_path / "key") == ""
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "gpu1"])
def test_drawn_once_for_others(host: str, tmp_path: Path) -> None:
    """Everybody on the network could use the server, or every restart would lock all users out."""
    file = tmp_path / "slot" / "key"
    key = key_for(card(), host, file)
    assert len(key) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert key_for(card(), host, file) == key
    assert key_for(card(), host, tmp_path / "another") != key


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_environments_comes_first(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab could not give all its servers the key that its users have."""
    monkeypatch.setenv(KEY_ENV, " sesame ")
    monkeypatch.setenv("MY_KEY", "mine")
    assert key_for(card(), host, tmp_path / "key") == "sesame"
    assert key_for(card("MY_KEY"), host, tmp_path / "key") == "mine"
    assert not (tmp_path / "key").exists()


def test_what_cannot_be_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would start, and refuse everybody."""
    with pytest.raises(PrerequisiteError, match="MY_KEY"):
        key_for(card("MY_KEY"), "127.0.0.1", tmp_path / "key")
    monkeypatch.setenv(KEY_ENV, "schlüssel")
    with pytest.raises(ConfigError, match=KEY_ENV) as caught:
        key_for(card(), "0.0.0.0", tmp_path / "key")
    assert "schlüssel" not in str(caught.value) + caught.value.hint
    monkeypatch.delenv(KEY_ENV)
    (tmp_path / "key").mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        key_for(card(), "0.0.0.0", tmp_path / "key")


def test_a_key_file_that_others_made(tmp_path: Path) -> None:
    """An empty or half-written file would become an empty key: no key at all."""
    file = tmp_path / "key"
    file.write_text("\n")
    file.chmod(0o666)
    assert len(key_for(card(), "0.0.0.0", file)) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
