"""The package's face."""

from __future__ import annotations

import subprocess
import sys

import pytest

import alref_local


def test_public_names() -> None:
    """A name would be promised that is not there, or leak without a promise."""
    public = {name for name in vars(alref_local) if not name.startswith("_")}
    modules = {name for name in public if f"alref_local.{name}" in sys.modules}
    assert public - modules - {"annotations"} == set(alref_local.__all__)
    assert alref_local.__all__ == sorted(alref_local.__all__)


HEAVY = ("torch", "transformers", "av", "openai")


@pytest.mark.parametrize(
    "code",
    [
        "import alref_local",
        "from alref_local.cli import cli; cli.main(['--help'], standalone_mode=False)",
        "from alref_local.cli import cli; cli.main(['segment', '--help'], standalone_mode=False)",
        "from alref_local.cli import cli; cli.main(['configs'], standalone_mode=False)",
        "from alref_local.cli import cli; cli.main(['backends'], standalone_mode=False)",
    ],
)
def test_light_start(code: str) -> None:
    """`--help` would take seconds."""
    heavy = "import sys; print([m for m in HEAVY if m in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"HEAVY = {HEAVY}\n{code}\n{heavy}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "[]"


def test_the_package_is_a_command() -> None:
    """Where the script is not on the PATH, nobody could start anything."""
    done = subprocess.run(
        [sys.executable, "-m", "alref_local", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("alref-local")
