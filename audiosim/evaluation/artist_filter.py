"""Whether answers by the query's own artist count.

One artist's tracks sound alike for reasons that the labels don't mean: a voice, a studio, a mastering.
Judged by genres, answers by the same artist make any index look better than it is, and rank methods
wrongly: Pampalk, Flexer, Widmer, "Improvements of audio-based music similarity and genre
classification", ISMIR 2005; Flexer and Schnitzer, "Effects of album and artist filters in audio
similarity computed for very large music databases", Computer Music Journal 34(3), 2010. So these are
left out where artists are known, unless the labels are artists, or hardly a query would have a right
answer left: the folders of a library are mostly albums, each by one artist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from audiosim.core.tag_values import artist_keys
from audiosim.core.types import Float64, Track
from audiosim.evaluation.labels import LabelSet
from audiosim.evaluation.relevance import ExcludeSame, GroundTruth

Asked = ExcludeSame | Literal["auto"] | None
Reason = Literal["asked", "artists-known", "artists-are-labels", "artists-unknown", "too-few-left"]
ARTISTS = ("artist", "album_artist")  # names of labels


@dataclass(frozen=True)
class Judged:
    """The ground truth of an evaluation, and why it leaves out what it does.

    ``shares`` float64 (tracks,) are the precisions of random answers, 0 where none is right.
    """

    truth: GroundTruth
    shares: Float64
    exclude_same: ExcludeSame | None
    reason: Reason


def judged(
    tracks: Sequence[Track],
    labels: Sequence[LabelSet],
    source: str,
    asked: Asked,
    copies: Mapping[str, int] | None = None,
) -> Judged:
    """Decide what is left out, and make the ground truth.

    Parameters
    ----------
    tracks : sequence of Track
        The tracks, which ask and answer.
    labels : sequence of LabelSet
        The labels of each.
    source : str
        Where these were taken from.
    asked : {"artist", "album", "auto"} or None
        The tag that answers must not share with the query; "auto" is the artist where that makes sense.
    copies : mapping of str to int, optional
        As for `GroundTruth`.
    """

    def filtered_by(exclude: ExcludeSame | None, reason: Reason) -> Judged:
        truth = GroundTruth(tracks, labels, exclude, copies)
        return Judged(truth, truth.shares(), exclude, reason)

    if asked != "auto":
        return filtered_by(asked, "asked")
    if source in ARTISTS:
        return filtered_by(None, "artists-are-labels")
    known = sum(bool(artist_keys(track.tags)) for track in tracks)
    if 2 * known < max(len(tracks), 1):
        return filtered_by(None, "artists-unknown")
    filtered = filtered_by("artist", "artists-known")
    free = filtered_by(None, "too-few-left")
    left, before = ((one.shares > 0).sum() for one in (filtered, free))
    return filtered if 2 * left >= before else free
