"""Bundled YAML files: found by name in a checkout and in an installed package, and by path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from alref_local import data_files
from alref_local.configs import load_config
from alref_local.errors import ConfigError
from alref_local.reason.card import load_card


def test_bundled_files_are_found_by_name() -> None:
    """`--backend none` does not work in a fresh checkout."""
    assert "none" in data_files.names("backends")
    assert data_files.find("backends", "none").read_text()


def test_an_installed_package_carries_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed wheel finds no cards, or those of a folder that lies beside it by chance."""
    package = tmp_path / "site" / "alref_local"
    (package / "data" / "configs" / "paper").mkdir(parents=True)
    (package / "data" / "configs" / "paper" / "mevis.yaml").write_text("name: mevis")
    (tmp_path / "site" / "configs").mkdir()
    monkeypatch.setattr(data_files, "_PACKAGE", package)
    assert data_files.names("configs") == ["paper/mevis"]
    assert data_files.find("configs", "paper/mevis").is_relative_to(package)
    with pytest.raises(ConfigError, match="backends are missing"):
        data_files.data_dir("backends")


def test_a_path_works_and_a_bundled_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that happens to be called `none` changes what `--backend none` means."""
    (tmp_path / "none").write_text("x")
    (tmp_path / "mine.yaml").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert data_files.find("backends", "mine.yaml") == Path("mine.yaml")
    assert data_files.find("backends", "none").name == "none.yaml"
    assert data_files.find("backends", "./none") == Path("none")


@pytest.mark.parametrize("wanted", ["nome", "", ".", "../none", "none.yaml", "x" * 5000, "a\x00b"])
def test_what_is_not_there_is_named_with_what_comes_close(wanted: str) -> None:
    """A typing mistake ends in a traceback or in a message without a way out."""
    with pytest.raises(ConfigError) as caught:
        data_files.find("backends", wanted)
    assert "none" in caught.value.hint
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("a: [", "X is not valid YAML", "line 2"),
        ("a: 2026-02-30", "X is not valid YAML", "day"),
        ("- a", "X is not a mapping of things", "Do it."),
    ],
)
def test_a_file_that_holds_no_mapping(text: str, said: str, hint: str, tmp_path: Path) -> None:
    """A typing mistake in a file ends in a traceback, or in a message that does not say where it is."""
    file = tmp_path / "mine.yaml"
    file.write_text("")
    assert data_files.read_mapping(file, "X", "things", "Do it.") == {}
    file.write_text(f"# mine\n{text}")
    with pytest.raises(ConfigError, match=said) as caught:
        data_files.read_mapping(file, "X", "things", "Do it.")
    assert hint in caught.value.hint
    assert "\n" not in caught.value.hint


@pytest.mark.parametrize(("kind", "load"), [("configs", load_config), ("backends", load_card)])
def test_a_file_that_cannot_be_read(
    kind: str, load: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without permission is called unforeseen, or blamed for its YAML."""
    (tmp_path / "data" / kind / "shut.yaml").mkdir(parents=True)
    monkeypatch.setattr(data_files, "_PACKAGE", tmp_path)
    with pytest.raises(ConfigError, match=r"shut\.yaml cannot be opened \(Is a directory\)"):
        load("shut")
