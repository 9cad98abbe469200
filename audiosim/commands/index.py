"""``audiosim index``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from audiosim.commands import index_report
from audiosim.commands.encoder_options import CARDS, EncoderOptions, listed
from audiosim.commands.flags import with_flags
from audiosim.commands.options import (
    BatchSizeOption,
    HomeOption,
    JobsOption,
    JsonOption,
    PrecisionOption,
    QuietOption,
    StoreOption,
    WaitOption,
    one_of,
    with_options,
)
from audiosim.commands.status import ALL
from audiosim.commands.streams import complain
from audiosim.core.errors import NEEDS_A_LOOK, UsageError
from audiosim.core.json_fields import to_json
from audiosim.core.paths import identity
from audiosim.core.text import SHOWN, counted
from audiosim.core.told_commands import shell_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from audiosim.commands.progress import ProgressDisplay
    from audiosim.indexing.cluster import Cluster
    from audiosim.indexing.report import IndexEvent


@with_options
def index(
    *,
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH...]", help="Music folders or files [default: those of earlier runs]."),
    ] = None,
    home: HomeOption = None,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only this space of the home: the same files, heard by another encoder; --encoder begins it"
            " [default: the home itself, then all its spaces].",
        ),
    ] = None,
    request: EncoderOptions,
    pooling: Annotated[
        str | None, typer.Option(metavar="NAME", help="mean, max or mean-std [default: mean].")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where caches are kept [default: in the home].")
    ] = None,
    whitening: Annotated[
        bool | None,
        typer.Option(
            "--whitening/--no-whitening",
            help=f"{listed(card.name for card in CARDS if card.whitened)}: weigh less what tracks vary in"
            " within themselves; kept in the home, or in its --space [default: on].",
        ),
    ] = None,
    store: StoreOption,
    jobs: JobsOption = None,
    batch_size: BatchSizeOption = None,
    precision: PrecisionOption,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Look only at files and folders whose name matches, or path below PATH, in this run: 'Live',"
            " '*.mp3', 'Jazz/*'; repeatable.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Leave out files and folders that match likewise, in later runs too: instead of those kept;"
            " repeatable, '' leaves out nothing.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Decode and embed on this Ray cluster: HOST:PORT, auto, or local, which starts a Ray"
            " here. Every node needs the music at the same path, and the same audiosim; --jobs is"
            " then per worker.",
        ),
    ] = None,
    ray_cpus: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="CPUs and threads of each worker [default: 8, or all of the smallest node].",
        ),
    ] = None,
    ray_gpus: Annotated[
        float | None,
        typer.Option(metavar="G", min=0, help="GPUs of each worker; 0.5 lets two share one [default: 0]."),
    ] = None,
    accept_removals: Annotated[
        bool, typer.Option("--accept-removals", help="Files that are missing are gone, however many.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that failed and have not changed.")
    ] = False,
    rescan: Annotated[
        bool,
        typer.Option(
            "--rescan",
            help="Read every file anew, compute again what sounds otherwise now; later runs go on with it.",
        ),
    ] = False,
    ctime: Annotated[
        bool | None,
        typer.Option(
            "--ctime/--no-ctime",
            help="Read files again of which only the ctime has changed, 15 minutes a run; --no-ctime is for"
            " file systems that make it up. Kept in the home [default: --ctime].",
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Start a new configuration for all known folders.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 for failures of earlier runs too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what there is to do, and how long it takes.")
    ] = False,
    max_hours: Annotated[
        float | None,
        typer.Option(metavar="H", min=0, help="Open no further file after H hours; the next run goes on."),
    ] = None,
    wait: WaitOption = 0.0,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append every message to FILE, with its time.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say where the time went.")] = False,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring the index up to date with music folders.

    New and changed files are decoded and embedded; renamed, retagged and copied ones cost
    nothing.

    Example: audiosim index ./music
    """
    from audiosim.commands.log_file import logging_to
    from audiosim.commands.progress import ProgressDisplay
    from audiosim.core.types import Pooling
    from audiosim.encoders.pooling import POOLINGS
    from audiosim.indexing.options import IndexOptions
    from audiosim.indexing.pipeline import index_folder

    if pooling is not None:
        pooling = one_of("--pooling", pooling, POOLINGS)
    options = IndexOptions(
        request=request,
        pooling=cast("Pooling | None", pooling),
        cache=cache,
        whitening=whitening,
        store=store,
        jobs=jobs,
        batch_size=batch_size,
        precision=precision,
        include=include or (),
        exclude=exclude or None,
        accept_removals=accept_removals,
        retry_failed=retry_failed,
        rescan=rescan,
        ctime=ctime,
        rebuild=rebuild,
        max_hours=max_hours,
        wait=wait,
        cluster=_cluster(ray, ray_cpus, ray_gpus, dry_run=dry_run),
        space=space,
    )
    if dry_run:
        from audiosim.commands.dry_run import tell_estimate

        tell_estimate(paths or (), home, options, context, json_=json_, quiet=quiet)
        return
    with (
        logging_to(log_file, context) as log,
        ProgressDisplay(shown=not quiet) as display,
    ):
        talk = _Talk(
            context,
            display,
            log,
            quiet=quiet,
            json_=json_,
            verbose=verbose,
            include=options.include,
            named=map(identity, paths or ()),
        )
        report = index_folder(paths or (), home=home, options=options, on_event=talk.tell)
    if json_:
        typer.echo(to_json(index_report.fields(report)), nl=False)
    failed_before = index_report.failed_before(report) if strict else []
    for line in failed_before:
        complain(with_flags(line, context))
    if report.needs_a_look or failed_before:
        raise typer.Exit(NEEDS_A_LOOK)


def _cluster(address: str | None, cpus: int | None, gpus: float | None, *, dry_run: bool) -> Cluster | None:
    from audiosim.indexing.cluster import Cluster

    if address is None:
        for flag, value in (("--ray-cpus", cpus), ("--ray-gpus", gpus)):
            if value is not None:
                raise UsageError(f"{flag} needs --ray", "it says what a worker on a cluster takes")
        return None
    if not address:
        raise UsageError("--ray was given no address", "", "Give HOST:PORT, auto or local.")
    if dry_run:
        raise UsageError("--dry-run does not go with --ray", "it times this machine", "Leave one out.")
    return Cluster(address, cpus, gpus or 0.0)


class _Talk:
    """Says what happens in a run."""

    def __init__(
        self,
        context: typer.Context,
        display: ProgressDisplay,
        log: Callable[[str], None],
        *,
        quiet: bool,
        json_: bool,
        verbose: bool,
        include: Sequence[str],
        named: Iterable[bytes],
    ) -> None:
        self._include, self._named = include, set(named)
        self._context, self._to_stderr = context, json_
        self._display, self._log, self._quiet, self._verbose = display, log, quiet, verbose
        self._told: Counter[str] = Counter()  # of what there may be very many

    def tell(self, event: IndexEvent) -> None:
        from audiosim.commands.output import no_audio
        from audiosim.core.text import display_path, visible
        from audiosim.core.types import TrackOutcome
        from audiosim.indexing.report import (
            Activity,
            IndexReport,
            NoAudio,
            Notice,
            Planned,
            Progress,
            RootDoubted,
            SpaceFailed,
            Started,
            not_mounted,
        )

        match event:
            case Started(encoder, home, space):
                self._say(f"Space {space}: {encoder}" if space else f"Encoder: {encoder}; home: {home}")
            case Notice(text):
                self._note(f"audiosim: {with_flags(text, self._context)}", shown=not self._quiet)
            case Planned(found, process, reread):
                again = f", {reread} to read again" if reread else ""
                self._say(f"{counted(found, 'file')} found, {process} to open{again}.")
            case Progress():
                self._display.update(event)
            case Activity(name, done, total, time_up):
                self._display.stage(name, done, total, time_up)
            case TrackOutcome(path, "failed", reason):
                text = f"failed: {display_path(path)}: {visible(reason or '')}"
                self._one_of(f"more failed: see {ALL}", text)
            case TrackOutcome(path, "failed_before", reason) if path in self._named:
                self._named.discard(path)  # each space says so
                again = f"To try it again: audiosim index --retry-failed {shell_word(path)}"
                text = f"audiosim: {display_path(path)} failed before: {visible(reason or '')}. {again}"
                self._note(with_flags(text, self._context), shown=not self._quiet)
            case NoAudio(root):
                self._one_of("more of these", f"audiosim: {no_audio(root, self._include)}")
            case RootDoubted(root, reason):
                text = f"audiosim: {not_mounted(root, reason)}"
                self._one_of(f"more of these: see {ALL}", with_flags(text, self._context))
            case SpaceFailed(space, reason):
                told = with_flags(reason, self._context)
                self._note(f"audiosim: the space {space} could not be brought up to date. {told}")
            case IndexReport():
                self._sum_up()
                for line in index_report.lines(event, verbose=self._verbose):
                    self._say(line)

    def _say(self, text: str) -> None:
        self._log(text)
        if not self._quiet:
            self._display.clear()
            typer.echo(text, err=self._to_stderr)

    def _one_of(self, rest: str, text: str) -> None:
        """One of what there may be very many, of which `rest` says what was not shown: the log has all."""
        self._told[rest] += 1
        self._note(text, shown=self._told[rest] <= SHOWN)

    def _sum_up(self) -> None:
        """What was not shown of that."""
        for rest, count in self._told.items():
            if count > SHOWN:
                text = f"audiosim: ... and {count - SHOWN} {rest}"
                self._display.message(with_flags(text, self._context))

    def _note(self, text: str, *, shown: bool = True) -> None:
        self._log(text)
        if shown:
            self._display.message(text)
