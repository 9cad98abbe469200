"""What `audiosim eval` is asked, and what it finds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from audiosim.core.errors import UsageError
from audiosim.core.types import Float64, Pooling
from audiosim.evaluation.artist_filter import Asked, Reason
from audiosim.evaluation.metrics import Relevance
from audiosim.evaluation.relevance import ExcludeSame
from audiosim.evaluation.significance import Difference, Figure
from audiosim.evaluation.variants import Variant
from audiosim.library.hubness import NEIGHBOURS, HubCorrection
from audiosim.library.neighbours import Codes

CUTOFFS = (1, 5, 10)


@dataclass(frozen=True)
class EvalOptions:
    """What to evaluate, and by what.

    Every combination of poolings, centring, whitening and hub corrections is a variant; what is empty is
    as the home has it.

    Parameters
    ----------
    labels : str
        "folder" (the folder a file lies in), the name of a tag, or a CSV file's name.
    exclude_same : {"auto", "artist", "album"} or None
        Answers that share this tag with the query don't count. "auto" is the artist, where most tracks
        name one, the labels are not artists themselves, and half of the queries keep a right answer.
    poolings : tuple of {"mean", "max", "mean-std"}
        What makes one vector of a track's windows.
    centring : tuple of bool
        Whether the mean window is subtracted first.
    hub_corrections : tuple of {"none", "score", "local-scaling", "csls", "mutual-proximity"}
        What is done to the cosines.
    whitening : tuple of bool
        Whether what tracks vary in within themselves counts less.
    neighbours : int
        How many set a track's scale in hub corrections.
    cutoffs : tuple of int
        The k of precision, recall and nDCG.

    Raises
    ------
    UsageError
        If a number is below 1.
    """

    labels: str = "folder"
    exclude_same: Asked = "auto"
    poolings: tuple[Pooling, ...] = ()
    centring: tuple[bool, ...] = ()
    hub_corrections: tuple[HubCorrection, ...] = ()
    whitening: tuple[bool, ...] = ()
    neighbours: int = NEIGHBOURS
    cutoffs: tuple[int, ...] = CUTOFFS

    def __post_init__(self) -> None:
        if min(self.neighbours, *self.cutoffs) < 1:
            raise UsageError(
                "Can't look at fewer than one answer or neighbour", "the number must be at least 1"
            )

    def variants(self, own: Variant) -> list[Variant]:
        """The variants for a home that searches by `own`, whose pooling comes first where it is asked for."""
        poolings = sorted(self.poolings or (own.pooling,), key=lambda pooling: pooling != own.pooling)
        centring = self.centring or (own.centring,)
        corrections = self.hub_corrections or (own.hub_correction,)
        whitening = self.whitening or (own.whitening,)
        return [
            Variant(pooling, centred, correction, whitened)
            for pooling, whitened, centred, correction in product(poolings, whitening, centring, corrections)
        ]


@dataclass(frozen=True)
class ListFigures:
    """What the lists of each track's ten nearest are like, whatever the labels.

    ``coverage``: share of the tracks that are in any list. ``hubness``: skewness of how many lists each is
    in, ``largest_occurrence`` the most. ``diversity``: mean cosine distance in a list, of the home's own
    vectors, so that variants can be compared. ``novelty``: mean self-information in bits.
    """

    coverage: float
    hubness: float
    largest_occurrence: int
    diversity: float
    novelty: float


@dataclass(frozen=True)
class VariantResult:
    """The figures of one variant: means over queries, by `measure_names`, and of the lists.

    ``per_query`` float64 (queries, measures) holds what the means are of; ``hits`` bool (queries, k), k 20
    or more, which of a query's first answers are right.
    """

    variant: Variant
    figures: Mapping[str, Figure]
    lists: ListFigures
    per_query: Float64
    hits: Relevance


@dataclass(frozen=True)
class Counts:
    """The numbers of tracks evaluated, and of those left out for each reason.

    ``queries`` are the tracks that have a right answer; the other ones only answer. ``not_indexed``
    are paths that a file of labels names in vain; ``not_shared`` tracks are in one of two homes only.
    """

    tracks: int
    labels: int
    queries: int
    without_label: int
    without_vector: int
    not_indexed: int
    not_shared: int = 0


@dataclass(frozen=True)
class Evaluation:
    """How well the variants of one home do.

    Parameters
    ----------
    home : Path
        The home's folder.
    encoder : str
        Its encoder, in one phrase.
    labels : str
        Where they were taken from, as it was asked for.
    exclude_same : {"artist", "album"} or None
        The tag that answers must not share with the query.
    excluded_for : str
        Why: "asked", "artists-known"; or why not: "artists-are-labels", "artists-unknown", "too-few-left".
    counts : Counts
        What was evaluated, and what left out.
    chance : float
        The precision of random answers.
    results : tuple of VariantResult
        The figures of each variant.
    gains : tuple of Difference
        How much the MAP of each result is above that of the first one.
    own : Variant
        How the home's searches are answered.
    query_labels : int array (queries,)
        A code for the label that each query counts to, where whole labels are drawn.
    whitens : bool
        Whether centred means of its encoder are whitened, unless that is turned off.
    """

    home: Path
    encoder: str
    labels: str
    exclude_same: ExcludeSame | None
    excluded_for: Reason
    counts: Counts
    chance: float
    results: tuple[VariantResult, ...]
    gains: tuple[Difference, ...]
    own: Variant
    query_labels: Codes
    whitens: bool = False


@dataclass(frozen=True)
class HomeComparison:
    """Two homes on the tracks that both hold.

    Parameters
    ----------
    first, second : Evaluation
        How well each does.
    differences : mapping of str to Difference
        Second less first, by measure.
    """

    first: Evaluation
    second: Evaluation
    differences: Mapping[str, Difference]
