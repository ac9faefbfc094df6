"""The whole flow against the released code's order of work, with the same models, answers and waiting time.

    python scripts/bench/flow.py [--videos 20] [--sentences 2] [--latency 1.0] [--seed 800000] [--threads 1]

Drawn clips as folders of JPEG frames; a server on the loopback answers every question after the same time with the
first frame or the first box. Models are loaded before anything is timed. Ours writes whole run folders (masks, RLE,
overlay, strips, logs), the other one masks. `bound` is the greater of the longest chain of waits (two answers for a
sentence) and the processor's seconds divided by the cores: no order of work is faster. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from alref_local.batch import run_all
from alref_local.configs import load_config
from alref_local.jobs import Job, queries
from alref_local.session import Session
from alref_local.world import make_scene
from alref_local.world.scene import FPS
from released_order import ReleasedOrder, Task

__all__ = ["draw", "ours", "released", "serving"]

CHANGES: dict[str, Any] = {"sampling": {"frames": 3}, "reasoning": {"history": False}}
"""Two clips and more of a drawn video, and single questions, as the released code asks them."""


def draw(folder: Path, videos: int, seed: int, sentences: int) -> list[Job]:
    """Folders of frames with so many sentences each."""
    jobs = []
    for number in range(seed, seed + videos):
        scene, place = make_scene("ladder", number), folder / str(number)
        place.mkdir(parents=True)
        for t in range(scene.length):
            Image.fromarray(scene.frame(t)).save(place / f"{t:05}.jpg", quality=95)
        said = [one.text for one in scene.sentences if one.referents][:sentences]
        jobs.append(Job(place.name, place, queries(said), fps=FPS))
    return jobs


@contextmanager
def serving(latency: float) -> Iterator[str]:
    """The address of a chat server that says [1] after so many seconds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            time.sleep(latency)
            message = {"role": "assistant", "content": "ANSWER: [1]"}
            body = json.dumps({"choices": [{"index": 0, "message": message}], "model": "m"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def ours(jobs: list[Job], out: Path, url: str) -> dict[str, float]:
    """`segment` on a list of videos."""
    card = {"model": "m", "endpoint": url, "pattern": "free", "concurrency": 16}
    with Session("tiny", "openai-compatible", changes=CHANGES, card=card, cache=False) as session:
        session.engine.load()

        def work(job: Job) -> None:
            with session.beside() as one:
                one.segment(job, out / job.name)

        def run() -> None:
            _, failed = run_all(jobs, work, session.at_once)
            assert not failed, failed

        return timed(run)


def released(jobs: list[Job], out: Path, url: str) -> dict[str, float]:
    """The released order of work."""
    order = ReleasedOrder(load_config("tiny", CHANGES), url)
    tasks = [Task(job.source, query.text) for job in jobs for query in job.queries]
    return timed(lambda: order.run(tasks, out)) | {"questions": order.questions}


def timed(work: Callable[[], None]) -> dict[str, float]:
    """Seconds by the clock and of the processor."""
    wall, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    work()
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime
    return {"seconds": round(time.perf_counter() - wall, 2), "cpu": round(cpu, 2)}


def main() -> None:
    """Measure both and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=2)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=800_000)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as kept, serving(given.latency) as url:
        jobs = draw(Path(kept) / "videos", given.videos, given.seed, given.sentences)
        mine = ours(jobs, Path(kept) / "ours", url)
        theirs = released(jobs, Path(kept) / "released", url)
    bound = max(2 * given.latency, mine["cpu"] / cores)
    told = {"ours": mine, "released": theirs, "ratio": round(theirs["seconds"] / mine["seconds"], 2)}
    told |= {"bound": round(bound, 2), "over_bound": round(mine["seconds"] / bound, 2), "cores": cores}
    print(json.dumps(vars(given) | told, indent=2))


if __name__ == "__main__":
    main()
