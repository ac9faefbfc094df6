"""The demo, with the bundled tiny Qwen2-VL served by vLLM: `make demo-vllm`, or with the demo's own options:

python scripts/vllm/demo.py -o demo-vllm --seed 4
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from alref_local.data_files import data_dir
from alref_local.models.resolve import resolve
from vllm_server import KEY, VllmServer, why_not

KEY_ENV = "ALREF_DEMO_KEY"


def main() -> int:
    """Start the server, run the demo against it, stop the server; the demo's exit code."""
    if reason := why_not():
        print(f"Error: {reason[0].upper()}{reason[1:]}.", file=sys.stderr)
        return 3
    card = yaml.safe_load((data_dir("backends") / "tiny-vllm.yaml").read_text())
    with tempfile.TemporaryDirectory() as folder, VllmServer(resolve("tiny:qwen2_vl")) as server:
        file = Path(folder) / "tiny-vllm.yaml"
        file.write_text(yaml.safe_dump(card | {"endpoint": server.url, "key_env": KEY_ENV}))
        command = [str(Path(sys.executable).with_name("alref-local")), "demo", "-b", str(file), *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {KEY_ENV: KEY}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
