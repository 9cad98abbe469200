"""The errors a user can meet: what failed, why, what to do about it, and the exit code."""

from __future__ import annotations

from audiosim.core.text import visible, visible_lines

NEEDS_A_LOOK = 3  # the exit code of what is done, where something new needs a look


class AudiosimError(Exception):
    """Base of every error audiosim raises on purpose.

    A message names a parameter as Python does, in backticks, and no option of the command line,
    which shows its own instead: ``"Give another `home`."`` there reads ``Give another --home.``

    Parameters
    ----------
    what : str
        What failed, as the start of a sentence, without a full stop.
    why : str
        The reason, as far as it is known.
    remedy : str
        What the user can do.
    """

    exit_code = 1

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        first = visible(f"{self.what}: {self.why}" if self.why else self.what)
        return f"{first}.\n{visible_lines(self.remedy)}" if self.remedy else first


class UsageError(AudiosimError):
    """The arguments can't be carried out as they are."""

    exit_code = 2


class AudiosimWarning(UserWarning):
    """Something works, but not as it should; the command line shows it on stderr."""


class LockedError(AudiosimError):
    """Another audiosim process is writing to the same home."""

    exit_code = 4


class WeightsError(AudiosimError):
    """A model's weights are missing, damaged or not what they claim to be."""


class NoWeightsError(WeightsError):
    """A model's weights are not kept here, and are not to be fetched for a look."""


class HomeError(AudiosimError):
    """The home folder, its catalog or its caches can't be used."""


class StoreError(AudiosimError):
    """The store of vectors is not usable."""


class StoreAwayError(StoreError):
    """The store's server can't be reached; what it holds is not in doubt."""


class AudioError(AudiosimError):
    """One audio file can't be used; never ends a run."""

    @property
    def reason(self) -> str:
        """One line that says why, for the failure list."""
        return self.what
