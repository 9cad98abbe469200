"""Where things are, and the numbers users may want to know: paths, environment, defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from audiosim.core.errors import HomeError

HOME_VARIABLE = "AUDIOSIM_HOME"
WEIGHTS_VARIABLE = "AUDIOSIM_WEIGHTS"
MAX_JOBS = 8  # decoding processes by default, at most


@dataclass(frozen=True)
class Home:
    """The files of one home folder.

    Parameters
    ----------
    path : Path
        The folder, absolute.
    """

    path: Path

    @property
    def catalog(self) -> Path:
        """The SQLite database: the truth about files and track vectors."""
        return self.path / "catalog.db"

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
        """The lock that whoever writes holds for the whole run."""
        return self.path / "index.lock"

    @property
    def store_lock(self) -> Path:
        """The lock that is held while the home's Chroma is open."""
        return self.path / "store.lock"


def find_home(given: str | os.PathLike[str] | None = None) -> Home:
    """Find the home to use: `given`, else ``AUDIOSIM_HOME``, else the platform's user data folder."""
    chosen = given or os.environ.get(HOME_VARIABLE)
    path = Path(chosen) if chosen else platformdirs.user_data_path("audiosim", appauthor=False)
    return Home(path.expanduser().absolute())


def no_index(home: Home) -> HomeError:
    """Make the error for a home that has no index yet."""
    return HomeError(
        f"There is no index in {home.path}", "nothing was indexed yet", "Make one: audiosim index FOLDER."
    )


def weights_folder() -> Path:
    """Find where weights are kept: ``AUDIOSIM_WEIGHTS``, else the platform's user cache folder."""
    chosen = os.environ.get(WEIGHTS_VARIABLE)
    path = Path(chosen) if chosen else platformdirs.user_cache_path("audiosim", appauthor=False) / "weights"
    return path.expanduser().absolute()


def default_jobs() -> int:
    """Count the decoding processes to use: one for each processor we may use, up to MAX_JOBS."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(processors, MAX_JOBS)
