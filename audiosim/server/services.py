"""What calls are answered with: the index, the encoder, the sounds, and the commands that run apart."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from audiosim.core.types import Encoder, Track
from audiosim.server.apart import Apart
from audiosim.server.encoding import ChildEncoder
from audiosim.server.library import Library
from audiosim.server.media import Player
from audiosim.server.options import ServerOptions
from audiosim.server.problems import ProblemError


class Services:
    """All that a server has while it runs.

    Parameters
    ----------
    options : ServerOptions
        What it was told.

    Raises
    ------
    HomeError
        If there is no index.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.library = Library(options.home)
        self.folder = Path(tempfile.mkdtemp(prefix="audiosim-serve-"))
        self.player = Player(self.folder)
        self.apart = Apart(self.library.home.path)
        self._child: ChildEncoder | None = None
        self._turn = threading.Lock()
        self._follower = threading.Thread(target=self.library.follow, args=(self._tidy,), daemon=True)

    def start(self) -> None:
        """Begin to follow the index."""
        self._follower.start()

    def stop(self) -> None:
        """End at once what runs apart, and remove what was put on the disk."""
        self.library.stop()
        self.apart.stop()
        if self._child is not None:
            self._child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def encoder(self) -> Encoder:
        """What embeds queries: of the index as it is now."""
        if self.options.encoder is not None:
            return self.options.encoder
        spec = self.library.held.configuration.spec
        with self._turn:
            if self._child is None or self._child.spec != spec:
                if self._child is not None:
                    self._child.kill()
                self._child = ChildEncoder(spec, self.options.precision)
            return self._child

    @property
    def encoder_loaded(self) -> bool:
        """Whether an encoder takes memory now."""
        return self._child is not None and self._child.loaded

    def track(self, id_: str) -> Track:
        """Give the track of an id.

        Raises
        ------
        ProblemError
            If there is none in the index.
        """
        found = self.library.held.find(id_)
        if found is None:
            raise ProblemError(404, "No such track", "the index has none of this id", "See /api/v1/tracks.")
        return found

    def _tidy(self) -> None:
        if self._child is not None:
            self._child.end_if_idle(self.options.keep)


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Here = Annotated[Services, Depends(_services)]
