"""The text side of a described encoder: texts -> tokens -> model -> embeddings beside those of windows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiosim.core.errors import WeightsError
from audiosim.core.text import display_path
from audiosim.core.types import Float32
from audiosim.encoders.described.description import Text
from audiosim.encoders.described.encoder import chosen_output
from audiosim.encoders.described.session import Session

BATCH_SIZE = 16  # texts
WHOLE: dict[str, type[np.signedinteger[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
OTHERS = "token_type_ids"  # an input that some models have, of zeros


class DescribedTextSide:
    """What puts texts among the embeddings of windows.

    Parameters
    ----------
    text : Text
        What the description says.
    tokenizer : Path
        Its ``tokenizer.json``.
    session : Session
        The model, loaded.
    dimension : int
        Numbers in an embedding.

    Raises
    ------
    WeightsError
        If the tokenizer can't be read, or the model has other inputs and outputs.
    """

    def __init__(self, text: Text, tokenizer: Path, session: Session, dimension: int) -> None:
        self._text, self._session, self._dimension = text, session, dimension
        self._tokenizer = _tokenizer(text, tokenizer)
        self._output = chosen_output(text.output, dimension, session)
        self._inputs = {tensor.name: WHOLE.get(tensor.kind, np.int64) for tensor in session.inputs}
        known = {text.input_ids, text.attention_mask, OTHERS}
        if text.input_ids not in self._inputs or self._inputs.keys() - known:
            raise WeightsError(
                f"The text model takes {', '.join(self._inputs)}",
                f"the description has {text.input_ids} and {text.attention_mask}",
                "Name input_ids and attention_mask in [text] of the description.",
            )

    def embed(self, texts: Sequence[str]) -> Float32:
        """Compute unit vectors, float32 (n, dim), of texts: means over the forms that the model learnt."""
        whole = np.zeros((len(texts), self._dimension), np.float32)
        for prompt in self._text.prompts:
            whole += _unit(self.raw([prompt.replace("{}", text) for text in texts]))
        return _unit(whole)

    def raw(self, texts: Sequence[str]) -> Float32:
        """Compute embeddings, float32 (n, dim), of texts as they are, in the length that the model gives."""
        parts = [self._run(texts[start : start + BATCH_SIZE]) for start in range(0, len(texts), BATCH_SIZE)]
        return np.concatenate([np.empty((0, self._dimension), np.float32), *parts])

    def tokens(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give the ids of texts' tokens, int64 (n, length), and which of them are no padding."""
        coded = self._tokenizer.encode_batch(list(texts))
        ids = np.array([one.ids for one in coded], np.int64)
        return ids, np.array([one.attention_mask for one in coded], np.int64)

    def _run(self, texts: Sequence[str]) -> Float32:
        ids, mask = self.tokens(texts)
        feeds = {self._text.input_ids: ids, self._text.attention_mask: mask, OTHERS: np.zeros_like(ids)}
        found = self._session.run(
            self._output.name, {name: feeds[name].astype(kind) for name, kind in self._inputs.items()}
        )
        if found.shape != (len(texts), self._dimension):
            raise WeightsError(
                f"{self._output.name} is of the shape {found.shape}",
                f"embeddings of texts are ({len(texts)}, {self._dimension})",
                "Look at output in [text] of the description.",
            )
        return np.asarray(found, np.float32)


def _tokenizer(text: Text, path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(os.fspath(path))
    except Exception as error:  # the library's have no base of their own
        raise WeightsError(
            f"{display_path(os.fsencode(path))} is no tokenizer", " ".join(str(error).split()), ""
        ) from error
    pad = tokenizer.token_to_id(text.pad)
    if pad is None:
        raise WeightsError(
            f"{display_path(os.fsencode(path))} has no token {text.pad}",
            "it is what shorter texts are filled up with",
            "Name `pad` in [text] of the description.",
        )
    tokenizer.enable_truncation(text.max_tokens)
    tokenizer.enable_padding(pad_id=pad, pad_token=text.pad)
    return tokenizer


def _unit(rows: Float32) -> Float32:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Float32 = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return units
