"""TensorFlow, loaded when the first encoder is built: quietly, and with the precision chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audiosim.core.errors import AudiosimError
from audiosim.core.memory import check_address_space
from audiosim.core.types import Precision

ADDRESS_SPACE = 3e9  # bytes
CPUINFO = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def tensorflow() -> Any:
    """Import the tensorflow module, without its start-up chatter on stderr.

    Raises
    ------
    AudiosimError
        If it can't be loaded.
    """
    if "tensorflow" not in sys.modules:
        check_address_space("TensorFlow", ADDRESS_SPACE)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            with muted():
                import tensorflow
        except ImportError as error:
            raise AudiosimError(
                "TensorFlow can't be loaded",
                _told_by(error),
                "Install it again: pip install --force-reinstall tensorflow",
            ) from error
        tensorflow.get_logger().setLevel("ERROR")  # its advice on retracing is for programmers
    import tensorflow

    return tensorflow


def _told_by(error: ImportError) -> str:
    """The line of TensorFlow's page on an import that failed that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ImportError: ", "OSError: "))]
    return (telling or lines or [type(error).__name__])[-1].removeprefix("ImportError: ")


def cpu_has_bfloat16() -> bool:
    """Tell whether this CPU multiplies bfloat16 in hardware (Linux only; False where unknown)."""
    try:
        text = CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(BFLOAT16_FLAGS & set(line.split()) for line in text.splitlines() if line.startswith("flags"))


def compute_dtype(precision: Precision) -> str:
    """Choose the dtype convolutions run in: "bfloat16" where it is fast and allowed, else "float32"."""
    fast = precision == "auto" and cpu_has_bfloat16() and not has_gpu()
    return "bfloat16" if fast else "float32"


def has_gpu() -> bool:
    """Tell whether TensorFlow sees a GPU; its memory is then taken as it is needed."""
    config = tensorflow().config
    gpus = config.list_physical_devices("GPU")
    for gpu in gpus:
        config.experimental.set_memory_growth(gpu, True)
    return bool(gpus)


@contextmanager
def muted() -> Iterator[None]:
    """Turn file descriptor 2 to the null device while a library's start-up speaks."""
    sys.stderr.flush()
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
