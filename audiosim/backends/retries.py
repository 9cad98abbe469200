"""Calls of a server that may be away for a while."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import tenacity

from audiosim.backends.base import reason_of
from audiosim.core.errors import AudiosimError, StoreAwayError, StoreError

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # s between two tries
REMEDY = "See that it runs and can be reached; then run it again: nothing is lost."


def in_time(limit: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function returns, unless that takes too long: to look up a host's name has no limit of its own.

    Raises
    ------
    TimeoutError
        If it has not returned after `limit` seconds.
    """
    told: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            told.put((function(*args, **kwargs), None))
        except BaseException as error:
            told.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        result, error = told.get(timeout=limit)
    except queue.Empty:
        raise TimeoutError(f"no sign of life within {limit:g} s") from None
    if error is not None:
        raise error
    return result


class Caller:
    """Calls a server, again and again while it is away.

    Parameters
    ----------
    label : str
        The server as messages call it.
    away : Callable[[BaseException], bool]
        Whether an error says that the server could not be reached or was too busy.
    patience : float
        Seconds after the first try within which another is made.
    """

    def __init__(self, label: str, away: Callable[[BaseException], bool], patience: float) -> None:
        self._label, self._away = label, away
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(away),
            stop=tenacity.stop_after_delay(patience),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
            reraise=True,
        )

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function returns.

        Raises
        ------
        StoreAwayError
            If the server stayed away.
        StoreError
            If it refused.
        """
        try:
            return self._retrying(function, *args, **kwargs)
        except AudiosimError:
            raise
        except Exception as error:
            if self._away(error):
                raise StoreAwayError(f"{self._label} does not answer", reason_of(error), REMEDY) from error
            raise StoreError(f"{self._label} failed", reason_of(error)) from error
