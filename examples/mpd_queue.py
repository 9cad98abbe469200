"""Keeps MPD's queue filled with what sounds like what is playing, by asking `audiosim serve`.

usage: python mpd_queue.py [--ahead N] [--music DIR] [--server URL] [--token-file FILE] [--with NAME=VALUE]

needs: pip install "python-mpd2>=3.0.5", MPD, and `audiosim serve` on the same machine. MPD is looked for at
MPD_HOST (a name, a socket, or PASSWORD@NAME) and MPD_PORT, as by other players.

Songs are added to the end of the queue; what is there stays, and is played first. Nothing comes twice as long
as there is anything else (or as 400 others have been played since). --with hands on what `/api/v1/similar`
takes, and may be repeated: --with max_per_artist=1. MPD's songs are found in the index by their files, links
followed; --music says where MPD's music lies, where it does not tell that itself (over its socket, it does).
What is away, MPD or the server, is waited for. It ends on Ctrl-C and SIGTERM, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mpd

APART = 400  # others between two times of a song, as long as there are any
BEFORE = 10  # songs before the one that plays that are asked with, where it is not in the index
MOST = 500  # answers that the server gives at a time
PATIENCE = 60.0  # s for an answer; and after which MPD is asked anew, whether or not it told of anything


class AwayError(Exception):
    """The server does not answer now."""


@dataclass(frozen=True)
class Server:
    """`audiosim serve`."""

    url: str
    token: str | None = None

    def track_at(self, path: str) -> str | None:
        """The id of a file; None where it is not in the index."""
        found = self._ask("tracks", {"under": path, "limit": 1}, none=(400,))
        return next((track["id"] for track in found["tracks"]), None) if found else None

    def similar(self, id_: str, count: int, more: Mapping[str, Sequence[str]]) -> list[list[str]]:
        """The files of each recording that is like a track, best first."""
        found = self._ask("similar", {"id": id_, "count": count, **more}, none=(404,))
        matches = found["matches"] if found else []
        return [[match["path"], *(one["path"] for one in match["duplicates"])] for match in matches]

    def _ask(self, call: str, parameters: Mapping[str, Any], none: Collection[int]) -> Any:
        query = urllib.parse.urlencode(parameters, doseq=True)
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/v1/{call}?{query}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in none:
                return None
            raise AwayError(_told(error)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AwayError(str(error)) from error


def _told(error: urllib.error.HTTPError) -> str:
    """What the server says of an error."""
    try:
        problem = json.load(error)
        return ": ".join(filter(None, (problem["title"], problem["detail"], problem["remedy"])))
    except (OSError, ValueError, LookupError, TypeError):
        return str(error)


@dataclass(frozen=True)
class Music:
    """The folder that MPD's names of songs begin in."""

    folder: str

    def files(self, song: str) -> list[str]:
        """What the file of a song may be known by: as MPD names it, and links followed."""
        if "://" in song:
            return [urllib.parse.unquote(song[7:])] if song.startswith("file:///") else []
        path = os.path.join(self.folder, song)
        places = (path, os.path.join(os.path.realpath(self.folder), song), os.path.realpath(path))
        return list(dict.fromkeys(places))

    def song(self, file: str) -> str | None:
        """What MPD calls a file; None where it lies elsewhere."""
        for path in (file, os.path.realpath(file)):
            for folder in (self.folder, os.path.realpath(self.folder)):
                begin = folder.rstrip("/") + "/"
                if path.startswith(begin):
                    return path[len(begin) :]
        return None


def in_order(
    answers: Sequence[Sequence[str]], queued: Collection[str], heard: Collection[str]
) -> list[Sequence[str]]:
    """Of recordings, each by its songs, what may be added: what was heard comes last, longest ago first."""
    when = {song: place for place, song in enumerate(heard)}
    free = [songs for songs in answers if songs and not set(songs) & set(queued)]
    return sorted(free, key=lambda songs: max(when.get(song, -1) for song in songs))


@dataclass
class Filler:
    """Fills the queue of an MPD."""

    server: Server
    ahead: int
    retry: float  # s until what is away is asked again
    more: Mapping[str, Sequence[str]]
    heard: dict[str, None] = field(default_factory=dict)  # songs, the latest last
    _ids: dict[str, str] = field(default_factory=dict)
    _said: str = ""

    def fill(self, client: Any, music: Music) -> float:
        """Add what is missing; how long to wait for something to happen."""
        status = client.status()
        if status.get("state") not in ("play", "pause") or "song" not in status:
            return PATIENCE
        queue, now = [song["file"] for song in client.playlistinfo()], int(status["song"])
        self._note(queue[max(0, now - APART // 2) : now + 1])
        missing = self.ahead - len(queue[now + 1 :])
        if missing > 0:
            try:
                self._add(client, music, queue, now, missing)
            except AwayError as error:
                self.say(f"audiosim does not answer: {error}")
                return self.retry
        return PATIENCE

    def _add(self, client: Any, music: Music, queue: list[str], now: int, missing: int) -> None:
        before = reversed(queue[max(0, now - BEFORE) : now + 1])
        like = next((song for song in before if self._id(music, song)), None)
        if like is None:
            self.say(f"not in audiosim's index, so nothing is like it: {queue[now]}")
            return
        queued = queue[now:]
        count = min(MOST, missing + len(queued) + len(self.heard))
        found = self.server.similar(self._ids[like], count, self.more)
        answers = [[song for song in map(music.song, files) if song] for files in found]
        if not answers:
            self._ids.pop(like)  # it has gone from the index, perhaps
        for songs in in_order(answers, queued, self.heard):
            song = next((song for song in songs if _added(client, song)), None)
            if song is not None:
                self.say(f"queued {song}, like {like}")
                self.heard.pop(song, None)
                self._note(songs)
                missing -= 1
            if not missing:
                return
        self.say(f"MPD has nothing else that is like {like}")

    def _id(self, music: Music, song: str) -> str | None:
        for file in () if song in self._ids else music.files(song):
            found = self.server.track_at(file)
            if found is not None:
                self._ids[song] = found
                break
        return self._ids.get(song)

    def _note(self, songs: Sequence[str]) -> None:
        for song in songs:
            self.heard.setdefault(song)
        while len(self.heard) > APART:
            del self.heard[next(iter(self.heard))]

    def say(self, text: str) -> None:
        """Tell something, once as long as nothing else is to be told."""
        if text != self._said:
            print(f"mpd_queue: {text}", file=sys.stderr, flush=True)
        self._said = text


def _added(client: Any, song: str) -> bool:
    """Whether MPD takes a song, which it may not have in its database."""
    try:
        client.add(song)
    except mpd.CommandError as error:
        if "[50@" not in str(error):  # no such song
            raise
        return False
    return True


@contextmanager
def connected() -> Iterator[Any]:
    """A connection to MPD."""
    host, password = os.environ.get("MPD_HOST", "localhost"), ""
    if "@" in host[1:]:  # what begins with one is a socket
        password, host = host.split("@", 1)
    client = mpd.MPDClient()
    client.timeout = PATIENCE
    client.connect(host, int(os.environ.get("MPD_PORT", "6600")))
    try:
        if password:
            client.password(password)
        yield client
    finally:
        with suppress(mpd.MPDError, OSError):
            client.disconnect()


def music_of(client: Any, given: str | None) -> Music:
    """Where MPD's music lies."""
    with suppress(mpd.CommandError):  # it tells that over its socket only
        found = None if given else client.config()
        given = given or (found["music_directory"] if isinstance(found, dict) else found)
    if not given:
        sys.exit("mpd_queue: MPD does not tell where its music lies. Say it: --music DIR")
    return Music(os.path.abspath(given))


def happened(client: Any, seconds: float) -> bool:
    """Wait for MPD to tell of something; where it does not, the connection is of no more use."""
    client.idletimeout = seconds
    try:
        client.idle("player", "playlist")
    except TimeoutError:
        return False
    return True


def main() -> None:
    """Fill the queue until a signal ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ahead", type=int, default=5, metavar="N", help="songs that wait in the queue")
    parser.add_argument("--music", metavar="DIR", help="MPD's music_directory, as audiosim sees it")
    parser.add_argument("--server", default="http://127.0.0.1:8711", metavar="URL")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="as of audiosim serve")
    parser.add_argument("--with", dest="more", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--retry", type=float, default=10.0, metavar="S", help="to wait for what is away")
    given = parser.parse_args()
    try:
        token = given.token_file.read_text().strip() if given.token_file else None
    except OSError as error:
        parser.error(str(error))
    more: dict[str, list[str]] = {}
    for name, _, value in (text.partition("=") for text in given.more):
        more.setdefault(name, []).append(value)
    filler = Filler(Server(given.server.rstrip("/"), token), given.ahead, given.retry, more)
    while True:
        try:
            with connected() as client:
                music = music_of(client, given.music)
                while happened(client, filler.fill(client, music)):
                    pass
        except (mpd.MPDError, OSError) as error:
            filler.say(f"asking MPD failed: {error}")
            time.sleep(given.retry)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
