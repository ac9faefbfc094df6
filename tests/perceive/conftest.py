"""Checkpoint folders that the perception tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.perceive import perceive_kit


@pytest.fixture(scope="session")
def sam2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam2")
    perceive_kit.sam2_model().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def dino_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dino")
    perceive_kit.save_dino(folder)
    return folder
