"""The real openl3 0.4.2 as a process that times itself: run by network.py and pipeline.py.

usage: PYTHON reference_openl3.py WEIGHTS.h5 INPUT_REPR EMBEDDING_SIZE
PYTHON is that of an environment made by tests/golden/make_env.sh. Commands on stdin: a number n
(embed n seconds of noise at 48 kHz, hop 1 s), or a folder (process its audio files, hop 1 s). The
answer is "seconds S".
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    import openl3
    from openl3.models import load_audio_embedding_model_from_path

    model = load_audio_embedding_model_from_path(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    audio = np.random.RandomState(0).normal(0, 0.1, 48_000 * 256)

    def embed(count: int) -> Any:
        return openl3.get_audio_embedding(
            audio[: 48_000 * count], 48_000, model=model, hop_size=1.0, center=False, verbose=0
        )

    def process(folder: str) -> None:
        files = sorted(str(path) for path in Path(folder).iterdir())
        with tempfile.TemporaryDirectory() as out:
            openl3.process_audio_file(files, output_dir=out, model=model, hop_size=1.0, verbose=0)

    embed(8)
    for line in sys.stdin:
        command = line.strip()
        start = time.perf_counter()
        if command.isdigit():
            embed(int(command))
        else:
            process(command)
        print("seconds", time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
