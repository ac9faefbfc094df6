"""The command line: one file per command, no logic of its own; commands are imported when they are called."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module

import click

from alref_local.errors import AlrefError
from alref_local.offline import keep_quiet

__all__ = ["main"]

_COMMANDS = {
    "segment": "Segment what sentences refer to, through whole videos.",
    "evaluate": "Segment a whole data set, through every interruption, and score it.",
    "compare": "Say how runs differ, who was right, and whether it is more than noise.",
    "report": "Write a page that shows what each run saw, said and chose; it opens from disk.",
    "demo": "Run the whole pipeline on a drawn clip and score it.",
    "datasets": "List the data sets, or say what is missing from one.",
    "archive": "Write what a benchmark's server takes, or check it.",
    "export": "Write a run's masks as COCO, YouTube-VIS, CVAT or Label Studio.",
    "score": "Score predicted masks against true ones (J, F, J&F).",
    "backends": "List the reasoning backends, or show one.",
    "configs": "List the configs, or show one.",
    "serve": "Serve an open model with vLLM: start, watch, restart, stop.",
    "plan": "Say which model goes on which GPU, and why.",
    "doctor": "Say what is missing on this machine, and what mends it.",
    "models": "Fetch, check, carry and install checkpoints.",
    "selftest": "Try every model of a config on a drawn clip, and print one JSON to send back.",
    "tables": "Show the paper's tables, or measure the rows of one that are ours.",
    "import-replies": "Make recorded replies of the authors' GPT-4 answers for AVSBench.",
}


class _LazyGroup(click.Group):
    """Knows its commands by name and imports ``alref_local.cli.NAME`` only to run one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"alref_local.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="alref-local")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Segment what a sentence refers to, through a whole video, on this machine."""
    ctx.obj = debug


def main(argv: list[str] | None = None) -> None:
    """Entry point: every failure ends as one sentence, a hint and an exit code (see ``errors``)."""
    arguments = sys.argv[1:] if argv is None else argv
    # Threads that spin while they wait starve each other on a busy machine; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_quiet()
    try:
        code = cli.main(arguments, prog_name="alref-local", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted; what is finished is kept, and the same command goes on from there.")
        sys.exit(130)
    except AlrefError as error:
        _debug(arguments)
        _say(f"Error: {error}", error.hint)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _debug(arguments)
        again = next((word for word in arguments if word in _COMMANDS), "...")
        _say(
            f"Error: something unforeseen happened ({type(error).__name__}: {error}).",
            f"`alref-local --debug {again} ...` shows where.",
        )
        sys.exit(1)


def _debug(arguments: list[str]) -> None:
    if "--debug" in arguments:
        traceback.print_exc()


def _say(message: str, hint: str = "") -> None:
    click.echo(message, err=True)
    if hint:
        click.echo(f"Hint: {hint}", err=True)
