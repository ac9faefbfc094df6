"""Bundled YAML files: found by name in a checkout and in an installed package, and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from alref_local import data_files
from alref_local.errors import ConfigError


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
