"""What is asked of the Hugging Face hub, or of a mirror of it (``HF_ENDPOINT``): which files, and their bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple
from urllib.parse import urlsplit

from alref_local.errors import PrerequisiteError
from alref_local.files import part
from alref_local.models.catalogue import Checkpoint, FileFacts
from alref_local.models.checking import faults
from alref_local.supply.arriving import waiting_room
from alref_local.supply.copying import writable

__all__ = ["Offered", "ask", "download"]


class Offered(NamedTuple):
    """What the hub says of a repository: its commit, and of each file its size and hash (LFS or git)."""

    commit: str
    files: Mapping[str, FileFacts]
    blobs: Mapping[str, str]


def ask(checkpoint: Checkpoint) -> Offered:
    """What the hub has of a checkpoint, at the revision of its entry, or the newest.

    Raises:
        PrerequisiteError: it has none, refuses, or cannot be reached.
    """
    from huggingface_hub import HfApi

    repo, revision = checkpoint.repo, checkpoint.revision
    with _hub_errors(checkpoint):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True)
    files = {
        file.rfilename: FileFacts(size=file.size, sha256=file.lfs.sha256 if file.lfs else None)
        for file in info.siblings
    }
    missing = [name for name in checkpoint.files if name not in files]
    if missing:
        raise PrerequisiteError(
            f"'{checkpoint.name}' at revision {info.sha} has no {missing[0]}, which the catalogue names.",
            hint="Correct the revision or the files in your catalogue ($ALREF_CATALOGUE).",
        )
    return Offered(info.sha, files, {file.rfilename: file.blob_id for file in info.siblings})


def download(checkpoint: Checkpoint, commit: str, expected: Mapping[str, FileFacts], room: Path) -> None:
    """Fetch what is not in ``room``; a file that is there in part goes on from there.

    The hub client's own downloads begin a file anew with every command, so only its transfer is used.

    Raises:
        PrerequisiteError: the hub refuses, or the line breaks off for good.
        ConfigError: ``room`` cannot be written.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers, disable_progress_bars, enable_progress_bars

    (enable_progress_bars if sys.stderr.isatty() else disable_progress_bars)()
    for name, facts in expected.items():
        if not faults(room, {name: facts}, deep=False):
            continue
        url = hf_hub_url(checkpoint.repo, name, revision=commit)
        unfinished = part(room / name)
        with writable(unfinished):
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            stream = unfinished.open("ab")
        with stream, _hub_errors(checkpoint):
            found = get_hf_file_metadata(url)
            headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
            if urlsplit(found.location).netloc != urlsplit(url).netloc:
                headers.pop("authorization", None)  # the key is for the hub, not for its warehouse
            if stream.tell() > (facts.size or 0):
                stream.truncate(stream.seek(0))
            http_get(
                found.location,
                stream,
                resume_size=stream.tell(),
                headers=headers,
                expected_size=facts.size,
                displayed_filename=name,
            )
        with writable(room / name):
            unfinished.replace(room / name)


@contextmanager
def _hub_errors(checkpoint: Checkpoint) -> Iterator[None]:
    """The many refusals of the hub and its client become one sentence each."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub, again = constants.ENDPOINT, "What was downloaded is kept: run the same command again."
    try:
        yield
    except GatedRepoError as error:
        raise PrerequisiteError(
            f"'{checkpoint.name}' is given only to those who accept its terms.",
            hint=f"Accept them at {checkpoint.url}, then log in with `hf auth login`.",
        ) from error
    except RevisionNotFoundError as error:
        raise PrerequisiteError(
            f"'{checkpoint.name}' has no revision {checkpoint.revision} on {hub}.",
            hint="A mirror may lag behind; correct the revision in your catalogue ($ALREF_CATALOGUE).",
        ) from error
    except RepositoryNotFoundError as error:
        raise PrerequisiteError(
            f"There is no '{checkpoint.repo}' on {hub}.",
            hint="If it is private, log in with `hf auth login`.",
        ) from error
    except HfHubHTTPError as error:
        raise PrerequisiteError(
            f"{hub} answered with an error ({error.response.status_code}).", hint=again
        ) from error
    except OSError as error:
        if error.errno is None:
            raise _broken(hub, error, again) from error
        with writable(waiting_room(checkpoint.name)):
            raise
    except Exception as error:  # those of the HTTP library that the hub's client is built on
        raise _broken(hub, error, again) from error


def _broken(endpoint: str, error: Exception, hint: str) -> PrerequisiteError:
    said = shorten(str(error.__cause__ or error) or type(error).__name__, 160, placeholder="").rstrip(".")
    return PrerequisiteError(f"The download from {endpoint} broke off: {said}.", hint=hint)
