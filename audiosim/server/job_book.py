"""Jobs as they are kept in the home, so that a server that was killed goes on with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from audiosim.core.errors import HomeError
from audiosim.core.files import replacing
from audiosim.server.jobs import Job, job_from_json, job_to_json

KEPT = 50  # jobs that are over


class JobBook:
    """A file of jobs; there is none before the first job.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Job]:
        """Give the jobs, oldest first.

        Raises
        ------
        HomeError
            If the file can't be read.
        """
        try:
            return [job_from_json(kept) for kept in json.loads(self._path.read_bytes())["jobs"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            why = " ".join(str(error).split())
            remedy = f"Move {self._path} away: what it names is on the disk all the same."
            raise HomeError("The jobs of earlier servers can't be read", why, remedy) from error

    def write(self, jobs: Iterable[Job]) -> list[Job]:
        """Keep jobs: all that are not over, and the last of the others.

        Returns
        -------
        list of Job
            Those that are kept.

        Raises
        ------
        HomeError
            If they can't be written.
        """
        every = list(jobs)
        over = [job.id for job in every if job.is_over]
        old = set(over[: max(0, len(over) - KEPT)])
        kept = [job for job in every if job.id not in old]
        try:
            with replacing(self._path) as file:
                file.write(json.dumps({"jobs": list(map(job_to_json, kept))}).encode())
        except OSError as error:
            why = error.strerror or str(error)
            raise HomeError(f"Can't write {self._path}", why, "Check the disk.") from error
        return kept
