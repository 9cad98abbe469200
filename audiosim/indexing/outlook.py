"""How far an index run is and how long it will go on: by seconds of audio, and by what was measured so far.

A file's seconds are known when it is identified. Of those not yet opened they follow from sizes, by what
files of the same kind turned out to hold: the first ones don't overthrow what is usual, and until enough of
them have told, how much there is in all is not known. Audio that is known already is only read, and counts
as that.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from audiosim.audio.events import Advanced, Embedded, Failed, FileEvent, Loading, Probed
from audiosim.indexing.plan import Plan
from audiosim.indexing.report import Progress

Kind = Literal["new", "known", "again"]
# Bytes in a second of audio, until a file of the kind has told: MP3 of 192 kbit/s, others as most often.
LOSSY = 24_000
BYTES_A_SECOND = {
    **dict.fromkeys(b".aif .aifc .aiff .au .caf .rf64 .snd .voc .w64 .wav .wave".split(), 176_400),
    **dict.fromkeys(b".alac .ape .flac .shn .tak .tta .wv".split(), 110_000),
    **dict.fromkeys(b".dff .dsf".split(), 705_600),
    **dict.fromkeys(b".oga .ogg .wma".split(), 16_000),
    **dict.fromkeys(b".opus .weba".split(), 12_000),
    b".m4b": 8_000,
    b".spx": 3_000,
}
USUAL = 300.0  # s of audio of the usual bit rate, which is believed beside what files of a kind tell
KNOWN_SHARE, KNOWN_SECONDS = 0.1, 3600.0  # of new files' bytes, or s that files have told: then it is known
READING = 1e-6  # s of audio that the network hears while a byte is read: about, and only for the share
MEMORY = 300.0  # s of work that the rate is taken over, older ones counting less and less
ENOUGH = 5.0  # s of work before a rate is believed


@dataclass(frozen=True)
class Expected:
    """A file to be opened, and what is likely to become of it.

    ``kind``: "new", its audio is to be computed; "known", under another name or with other tags; "again",
    read again last, as far as there is time.
    """

    path: bytes
    size: int
    kind: Kind


def expectations(plans: Sequence[Plan]) -> Iterator[Expected]:
    """Give the files that plans have opened, in that order, each with what is likely of it.

    A file of the size of one that is missing has most likely moved, and one that was indexed and is another
    now has most likely got other tags.
    """
    missing = {row.size for plan in plans for row in plan.missing if row.state == "indexed"}
    for plan in plans:
        for file in plan.process:
            known = file.path in plan.changed or file.size in missing
            yield Expected(file.path, file.size, "known" if known else "new")
    yield from (Expected(file.path, file.size, "again") for plan in plans for file in plan.reread)
    yield from (Expected(file.path, file.size, "new") for plan in plans for file in plan.alone)


@dataclass
class _Hand:
    """A file that is being computed: how many seconds it is expected to have, and how many are done."""

    expected: float
    reached: float = 0.0


class Outlook:
    """What is done and left of a run, by what it is told; the clock is the caller's.

    Parameters
    ----------
    files : iterable of Expected
        All that may be opened, in that order.
    now : float
        The time, in s.
    again_limit : float
        For how many s, at most, files are read "again".
    """

    def __init__(self, files: Iterable[Expected], now: float, *, again_limit: float = math.inf) -> None:
        self._now, self._again_limit = now, again_limit
        self._unread = {file.path: file for file in files}
        self._unsettled = dict.fromkeys(self._unread)
        self._total = len(self._unread)
        self._new: Counter[bytes] = Counter()  # bytes yet to be read of new files, by extension
        self._left: Counter[Kind] = Counter()  # the same of all files, by kind
        for file in self._unread.values():
            self._left[file.kind] += file.size
            if file.kind == "new":
                self._new[_extension(file.path)] += file.size
        self._whole = sum(self._new.values())
        self._shown = 0.0  # the greatest share that was told
        self._seen: Counter[bytes] = Counter()  # bytes of files that told their length, by extension
        self._lengths: dict[bytes, float] = {}  # s that they told
        self._hands: dict[bytes, _Hand] = {}
        self._finished = 0.0  # s of audio
        self._loading = False
        self._heard = self._busy = 0.0  # s of audio, and of work on it, lately
        self._passed, self._idle = 0, 0.0  # bytes that were only read, and s with nothing to compute

    def take(self, event: FileEvent, now: float) -> None:
        """Tell what has happened by now."""
        self._pass_time(now)
        match event:
            case Loading():
                self._loading = True
            case Probed(path, info, wanted):
                size = self._read(path) or info.size
                self._learn(path, info.size, info.duration)
                if wanted:
                    self._hands[path] = _Hand(info.duration or self._seconds(_extension(path), size))
                else:
                    self._passed += size
            case Advanced(path, seconds):
                self._advance(path, seconds)
            case Embedded(path):
                self._advance(path, event.duration)
                self._hands.pop(path, None)
                self._finished += event.duration
            case Failed(path):
                self._passed += self._read(path)
                self._hands.pop(path, None)

    def settle(self, path: bytes) -> None:
        """Tell that nothing more comes of a file."""
        self._unsettled.pop(path, None)

    @property
    def audio(self) -> float:
        """How much audio has gone through the network, in s; of files that came to be of use, or may."""
        return self._finished + sum(hand.reached for hand in self._hands.values())

    @property
    def audio_left(self) -> float:
        """How much audio is yet to go through the network, in s."""
        waiting = sum(self._seconds(extension, size) for extension, size in self._new.items())
        return waiting + sum(max(0.0, hand.expected - hand.reached) for hand in self._hands.values())

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        done = self.audio + READING * self._passed
        whole = done + self.audio_left + READING * (self._left["known"] + self._left["again"])
        return done / whole if whole else 0.0

    @property
    def total_known(self) -> bool:
        """Whether so many files have told their lengths that those of the others can be told by them."""
        read = self._whole - sum(self._new.values())
        return read >= KNOWN_SHARE * self._whole or sum(self._lengths.values()) >= KNOWN_SECONDS

    @property
    def seconds_left(self) -> float | None:
        """How long it will take, in s; None while nothing is known of that."""
        if not self.total_known:
            return None
        known, again = self._reading(self._left["known"]), self._reading(self._left["again"])
        audio = self.audio_left
        if audio:
            if not self._heard or self._busy < ENOUGH:
                return None
            return audio * self._busy / self._heard + (known or 0.0) + min(again or 0.0, self._again_limit)
        return None if known is None or again is None else known + min(again, self._again_limit)

    def progress(self, *, time_up: float | None = None) -> Progress:
        """Say how far the run is, never less than before; `time_up`: when no more are opened, in s."""
        self._shown = max(self._shown, self.share)
        return Progress(
            done=self._total - len(self._unsettled),
            total=self._total,
            audio_seconds=self.audio,
            audio_total=self.audio + self.audio_left,
            total_known=self.total_known,
            share=self._shown,
            path=next(iter(self._unsettled), None),
            seconds_left=self.seconds_left,
            time_up=time_up,
        )

    def _pass_time(self, now: float) -> None:
        """Work is timed while there is audio to compute, apart from loading what computes it."""
        seconds, self._now = now - self._now, now
        if self._loading:
            self._loading = False
        elif self._hands:
            kept = math.exp(-seconds / MEMORY)
            self._heard, self._busy = self._heard * kept, self._busy * kept + seconds
        else:
            self._idle += seconds

    def _read(self, path: bytes) -> int:
        """A file has been read: how many bytes that were."""
        file = self._unread.pop(path, None)
        if file is None:
            return 0
        self._left[file.kind] -= file.size
        if file.kind == "new":
            self._new[_extension(path)] -= file.size
        return file.size

    def _learn(self, path: bytes, size: int, seconds: float) -> None:
        if seconds > 0:
            extension = _extension(path)
            self._seen[extension] += size
            self._lengths[extension] = self._lengths.get(extension, 0.0) + seconds

    def _seconds(self, extension: bytes, size: int) -> float:
        """What files of so many bytes are likely to hold."""
        usual = USUAL * BYTES_A_SECOND.get(extension, LOSSY)
        return size * (self._lengths.get(extension, 0.0) + USUAL) / (self._seen[extension] + usual)

    def _advance(self, path: bytes, seconds: float) -> None:
        hand = self._hands.get(path)
        if hand is not None:
            self._heard += max(0.0, seconds - hand.reached)
            hand.reached = seconds

    def _reading(self, size: int) -> float | None:
        """How long reading so many bytes takes, in s, beside what else is done; None if not known."""
        if not size:
            return 0.0
        known = self._passed and self._idle + self._busy >= ENOUGH
        return size * self._idle / self._passed if known else None


def _extension(path: bytes) -> bytes:
    return os.path.splitext(path)[1].lower()
