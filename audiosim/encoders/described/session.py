"""An ONNX model, loaded by ONNX Runtime: on processors, in as many threads as a run may have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import AudiosimError, WeightsError
from audiosim.core.text import display_path
from audiosim.core.threads import threads
from audiosim.encoders.runtime import muted

FLOATS: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
FATAL = 4  # of ONNX Runtime's levels of messages: what else it says comes as an exception


@dataclass(frozen=True)
class Tensor:
    """An input or an output of a model.

    Parameters
    ----------
    name : str
        What it is called.
    shape : tuple of int or None
        Its lengths; None for one that may be any.
    kind : str
        ONNX Runtime's name of its type, as "tensor(float)".
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('any' if n is None else str(n) for n in self.shape)})"


class Session:
    """A model ready to run.

    Parameters
    ----------
    path : Path
        The ONNX file; what it keeps beside it is there.

    Raises
    ------
    WeightsError
        If it can't be loaded.
    AudiosimError
        If ONNX Runtime can't.
    """

    def __init__(self, path: Path) -> None:
        self._path = display_path(os.fsencode(path))
        runtime = onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = FATAL
        # Threads that wait in loops would take processors from the decoders.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            with muted():
                self._session = runtime.InferenceSession(
                    os.fspath(path), options, providers=["CPUExecutionProvider"]
                )
        except Exception as error:  # ONNX Runtime's have no base of their own
            raise WeightsError(
                f"ONNX Runtime can't load {self._path}", _first_line(error), "Bring another file."
            ) from error
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))

    def run(self, output: str, feeds: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Compute an output from inputs by their names.

        Raises
        ------
        WeightsError
            If the model refuses them.
        """
        try:
            found: npt.NDArray[Any] = self._session.run([output], dict(feeds))[0]
        except Exception as error:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in feeds.items())
            raise WeightsError(
                f"{self._path} can't compute {output} from {shapes}",
                _first_line(error),
                "Look at axes, window and batch of the description.",
            ) from error
        return found


def onnxruntime() -> Any:
    """Import ONNX Runtime, without its start-up chatter on stderr.

    Raises
    ------
    AudiosimError
        If it can't be loaded.
    """
    try:
        with muted():
            import onnxruntime
    except ImportError as error:
        raise AudiosimError(
            "ONNX Runtime can't be loaded",
            _first_line(error),
            "Install it again: pip install --force-reinstall onnxruntime",
        ) from error
    return onnxruntime


def _tensor(told: Any) -> Tensor:
    shape = tuple(n if isinstance(n, int) and n >= 0 else None for n in told.shape)
    return Tensor(told.name, shape, told.type)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
