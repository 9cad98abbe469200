"""Fingerprints of files that need no vectors: decoded in other processes, through no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from audiosim.audio.events import Ended, Failed, Probed
from audiosim.audio.fingerprint import RATE
from audiosim.audio.supervisor import DecodeSupervisor
from audiosim.core.config import default_jobs
from audiosim.core.types import AudioInfo


@dataclass(frozen=True)
class Heard:
    """A file was identified and, where that was wanted, decoded: its fingerprint, else empty.

    Of what was decoded, `info` has the duration that it had.
    """

    path: bytes
    info: AudioInfo
    fingerprint: bytes = b""


def fingerprint_files(
    paths: Iterable[bytes],
    *,
    jobs: int | None = None,
    want: Callable[[bytes, AudioInfo], bool] = lambda path, info: True,
) -> Iterator[Heard | Failed]:
    """Fingerprint files; one result each, as they are done.

    Parameters
    ----------
    paths : iterable of bytes
        The files, drawn as decoding goes on.
    jobs : int, optional
        Decoding processes; by default one a processor.
    want : callable, optional
        Asked in other threads, once for each file identified: whether to decode it.

    Yields
    ------
    Heard or Failed
        What is heard of a file, or what befell it.

    Raises
    ------
    AudiosimError
        When decoding processes can't be started.
    """
    infos: dict[bytes, AudioInfo] = {}
    with DecodeSupervisor(RATE, "soxr_hq", jobs=jobs or default_jobs(), want=want) as supervisor:
        for event in supervisor.events(paths):
            match event:
                case Probed(path, info, wanted):
                    if wanted:
                        infos[path] = info
                    else:
                        yield Heard(path, info)
                case Ended(path, duration):
                    yield Heard(path, replace(infos.pop(path), duration=duration), event.fingerprint)
                case Failed(path):
                    infos.pop(path, None)
                    yield event
