"""What calls are answered with: the index, the encoder, the sounds, and the commands that run apart."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from audiosim.core.errors import AudiosimError
from audiosim.core.paths import identity
from audiosim.core.types import Encoder, EncoderSpec, Track
from audiosim.encoders.registry import find_for
from audiosim.library.catalog import Held
from audiosim.library.spaces import space_with_words
from audiosim.search.describe import WORDS
from audiosim.search.track_words import TrackWords, Word
from audiosim.server.apart import Apart
from audiosim.server.encoding import Child, ChildEncoder, ChildReader
from audiosim.server.job_runner import JobRunner
from audiosim.server.library import Library
from audiosim.server.media import Player
from audiosim.server.options import ServerOptions
from audiosim.server.problems import ProblemError
from audiosim.server.scratch import Scratch, remove_left
from audiosim.server.uploads import FOLDER, sweep

STREAMS = 16  # of events at a time
END_LIMIT = 0.3  # s for the process of a job to end


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
        self.library = Library(options.home, self._reader_of)
        self._scratch = Scratch()
        self.folder = self._scratch.path
        self.player = Player(self.folder)
        self.apart = Apart(self.library.home.path)
        main = self.library.home.main
        self.uploads = Path(os.fsdecode(identity(options.uploads_folder or main.path / FOLDER)))
        self.jobs = JobRunner(main, os.fsencode(self.uploads), options.precision, self.library.refresh)
        self.streams = threading.BoundedSemaphore(STREAMS)
        self._turn, self._comparing = threading.Lock(), threading.Lock()
        self._children: dict[EncoderSpec, ChildEncoder] = {}
        self._readers: dict[EncoderSpec, ChildReader | None] = {}
        self._speaking: Library | None = None  # the space that knows words, once it was needed
        self._words: tuple[Held, TrackWords] | None = None
        self._follower = threading.Thread(target=self.library.follow, args=(self._tidy,), daemon=True)

    def start(self) -> None:
        """Begin to follow the index, and go on with what an earlier server left to be done."""
        self._follower.start()
        remove_left()
        if not self.options.read_only:
            sweep(self.uploads)
            self.jobs.start()

    def stop(self) -> None:
        """End what runs apart, and remove what was put on the disk; an index run keeps what it has done."""
        self.library.stop()
        self.jobs.stop()
        self.apart.stop()
        for child in chain.from_iterable(self._processes.values()):
            child.kill()
        self.jobs.wait(END_LIMIT)
        self._scratch.remove()

    @property
    def encoder(self) -> Encoder:
        """What embeds queries: of the index as it is now."""
        return self.encoder_of(self.library)

    def encoder_of(self, library: Library) -> Encoder:
        """Give what embeds queries of an index as it is now."""
        if self.options.encoder is not None and library is self.library:
            return self.options.encoder
        spec = library.held.configuration.spec
        with self._turn:
            if spec not in self._children:
                self._children[spec] = ChildEncoder(spec, self.options.precision)
            return self._children[spec]

    @property
    def encoder_loaded(self) -> bool:
        """Whether an encoder takes memory now."""
        return any(child.loaded for child in chain.from_iterable(self._processes.values()))

    def _reader_of(self, spec: EncoderSpec) -> ChildReader | None:
        """What reads texts for an encoder; None where it reads none, or can't be told of."""
        with self._turn:
            if spec not in self._readers:
                with suppress(AudiosimError):  # a broken plug-in
                    entry = find_for(spec)
                    reads = entry is not None and entry.reads_texts(spec)
                    self._readers[spec] = ChildReader(spec) if reads else None
            return self._readers.get(spec)

    @property
    def _processes(self) -> dict[EncoderSpec, list[Child]]:
        """Those that load networks, of each encoder."""
        found: dict[EncoderSpec, list[Child]] = {}
        for children in (self._children, self._readers):
            for spec, child in list(children.items()):
                if child is not None:
                    found.setdefault(spec, []).append(child)
        return found

    def library_of_words(self) -> Library:
        """Give the space that is asked in words, followed from then on; the home itself, if none can be."""
        path = space_with_words(self.library.home.path)
        if path is None or path == self.library.home.path:
            return self.library
        with self._turn:
            if self._speaking is None or self._speaking.home.path != path:
                self._speaking = Library(path, self._reader_of)
            return self._speaking

    def words(self, track: Track) -> list[Word]:
        """Give the words that a track stands out by most; none where the home has none.

        What the library's tracks sound like is read once, and again when the index has changed.
        """
        library = self.library_of_words()
        with self._comparing, library.index() as index:
            held = library.held
            if self._words is None or self._words[0] is not held:
                self._words = held, TrackWords(index, fetch=False)
            words = self._words[1]
            row = words.scores.row.get(track.digest) if words.known else None
        return [] if row is None else words.best(words.scores.values[row], WORDS)

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
        speaking = self._speaking
        if speaking is not None:
            with suppress(AudiosimError):  # what was known of it answers
                speaking.refresh()
        libraries = [one for one in (self.library, speaking) if one is not None]
        current = {library.held.configuration.spec for library in libraries}
        for spec, processes in self._processes.items():
            for child in processes:
                child.end_if_idle(self.options.keep if spec in current else 0.0)


async def _services(request: Request) -> Services:  # else it were called in a thread, as what waits is
    return cast("Services", request.app.state.services)


Here = Annotated[Services, Depends(_services)]
