"""Where things are, and the numbers users may want to know: paths, environment, defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audiosim.core.errors import HomeError, UsageError
from audiosim.core.files import is_held
from audiosim.core.paths import NO_HOME, expanded
from audiosim.core.threads import processors

HOME_VARIABLE = "AUDIOSIM_HOME"
WEIGHTS_VARIABLE = "AUDIOSIM_WEIGHTS"
MAX_JOBS = 8  # decoding processes by default, at most
COLUMNS = ".columns"  # the ending, beside a catalog, of what many tracks are searched by
SPACES = "spaces"  # the folder in a home that holds its further spaces


@dataclass(frozen=True)
class Home:
    """The files of one home folder: of a main home, or of a space in one.

    Parameters
    ----------
    path : Path
        The folder, absolute.
    """

    path: Path

    @property
    def main(self) -> Home:
        """The home that this one is a space of; itself, where it is none."""
        above = Home(self.path.parent.parent)
        return above if self.path.parent == above.spaces and above.catalog.exists() else self

    @property
    def space(self) -> str | None:
        """What it is called as a space; None for a main home."""
        return None if self.main == self else self.path.name

    @property
    def called(self) -> str:
        """What a message calls it: ``"this home"``, ``"the space tags"``."""
        return "this home" if self.space is None else f"the space {self.space}"

    @property
    def spaces(self) -> Path:
        """The further spaces, a folder each, if there are any."""
        return self.path / SPACES

    @property
    def catalog(self) -> Path:
        """The SQLite database: the truth about files and track vectors."""
        return self.path / "catalog.db"

    @property
    def columns(self) -> Path:
        """What many tracks are searched by, if there is such a file yet: made of the catalog."""
        return self.catalog.with_suffix(COLUMNS)

    @property
    def rebuild(self) -> Path:
        """The catalog of a configuration that is still being built."""
        return self.path / "rebuild.db"

    @property
    def cache(self) -> Path:
        """The caches, unless they were put elsewhere."""
        return self.path / "cache"

    @property
    def chroma(self) -> Path:
        """Chroma's own files, where it is the home's store."""
        return self.path / "chroma"

    @property
    def index_lock(self) -> Path:
        """The lock that whoever writes holds for the whole run; spaces have that of their main home."""
        return self.main.path / "index.lock"

    @property
    def store_lock(self) -> Path:
        """The lock that is held while the home's Chroma is open."""
        return self.path / "store.lock"


def find_home(given: str | os.PathLike[str] | None = None) -> Home:
    """Find the home to use: `given`, else ``AUDIOSIM_HOME``, else the platform's user data folder."""
    chosen = given or os.environ.get(HOME_VARIABLE)
    return Home(_place(chosen, "data", f"Give a `home`, or set {HOME_VARIABLE}."))


def no_index(home: Home) -> HomeError:
    """Make the error for a home, or a space, that has no index yet."""
    what = f"There is no index in {home.path}"
    if is_held(home.index_lock):
        return HomeError(what, "a run is at work, and has indexed nothing yet", "Ask again later.")
    arguments = "FOLDER" if home.space is None else f"`space` {home.space} `encoder` NAME"
    return HomeError(what, "nothing was indexed yet", f"Make one: audiosim index {arguments}")


def weights_folder() -> Path:
    """Find where weights are kept: ``AUDIOSIM_WEIGHTS``, else the platform's user cache folder."""
    given = os.environ.get(WEIGHTS_VARIABLE)
    place = _place(given, "cache", f"Set {WEIGHTS_VARIABLE}, or HOME.")
    return place if given else place / "weights"


def _place(given: str | os.PathLike[str] | None, kind: Literal["data", "cache"], remedy: str) -> Path:
    """The absolute path of a folder that is given, or else of the user's own one."""
    try:
        return Path(expanded(os.fspath(given or _own_folder(kind)))).absolute()
    except (RuntimeError, UsageError) as error:  # of platformdirs, from some version on, and of ours
        raise HomeError("There is no folder to keep things in", NO_HOME, remedy) from error


def _own_folder(kind: Literal["data", "cache"]) -> str:
    import platformdirs  # who gives a folder need not wait for it

    find = platformdirs.user_data_dir if kind == "data" else platformdirs.user_cache_dir
    return find("audiosim", appauthor=False)


def default_jobs() -> int:
    """Count the decoding processes to use: one for each processor we may use, up to MAX_JOBS."""
    return min(processors(), MAX_JOBS)
