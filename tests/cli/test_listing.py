"""`configs` and `backends`: what is shown can be saved, changed and given back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alref_local.configs import list_configs, load_config
from alref_local.reason.card import list_cards, load_card
from tests.cli.kit import call


def test_a_shown_config_is_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person's config, begun from a shown one, would mean something else."""
    assert call("configs", "paper/mevis") == 0
    mine = tmp_path / "mine.yaml"
    mine.write_text(capsys.readouterr().out)
    assert load_config(mine) == load_config("paper/mevis")


def test_a_shown_card_is_a_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person's card, begun from a shown one, would be another backend."""
    assert call("backends", "qwen") == 0
    mine = tmp_path / "mine.yaml"
    mine.write_text(capsys.readouterr().out)
    assert load_card(mine) == load_card("qwen")


def test_lists_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """A script would miss a config or a card."""
    assert call("configs", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == set(list_configs())
    assert call("backends", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == set(list_cards())
