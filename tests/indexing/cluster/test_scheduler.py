from __future__ import annotations

import pytest

from audiosim.indexing.cluster.scheduler import ALONE_AFTER, MAX_LOSSES, MAX_MISSES, Scheduler


def paths(count: int) -> list[bytes]:
    return [b"/music/%03d" % number for number in range(count)]


def scheduler(count: int, *nodes: str, jobs: int = 1) -> Scheduler:
    made = Scheduler(paths(count), count=count, jobs=jobs)
    for number, node in enumerate(nodes):
        made.join(number, node)
    return made


def work_off(book: Scheduler, *workers: int) -> list[bytes]:
    """Has workers do all there is for them; the files in the order they were handed out."""
    seen = []
    while given := [(worker, path) for worker in workers for path in book.hand_out(worker)]:
        for worker, path in given:
            book.identified(worker, path)
            book.done(worker, path)
            seen.append(path)
    return seen


def test_every_file_is_handed_out_once() -> None:
    book = scheduler(100, "a", "b")
    assert sorted(work_off(book, 0, 1)) == paths(100)
    assert book.finished()


def test_a_worker_has_a_bounded_number_of_files_and_nothing_is_drawn_ahead() -> None:
    drawn = []
    book = Scheduler((drawn.append(path) or path for path in paths(1000)), count=1000, jobs=2)  # type: ignore[func-returns-value]
    book.join(0, "a")
    assert drawn == []
    given = book.hand_out(0)
    assert len(given) == len(drawn) == 8
    assert book.hand_out(0) == []
    book.done(0, given[0])
    assert len(book.hand_out(0)) == 1


def test_the_last_files_are_shared() -> None:
    book = scheduler(6, "a", "b")
    assert [len(book.hand_out(0)), len(book.hand_out(1))] == [3, 2]


def test_a_source_that_ends_early_ends_the_run() -> None:
    book = Scheduler(iter(paths(3)), count=1000, jobs=1)
    book.join(0, "a")
    assert work_off(book, 0) == paths(3)
    assert book.finished()


def test_what_a_lost_worker_had_goes_to_others_and_nothing_else_does() -> None:
    book = scheduler(20, "a", "b")
    done, *open_ = book.hand_out(0)
    book.done(0, done)
    assert book.lost(0) == (open_, [])
    assert sorted(work_off(book, 1)) == paths(20)[1:]


def test_a_file_that_takes_its_worker_down_is_given_up_and_no_other_is() -> None:
    poison, book, given_up, seen = paths(40)[5], scheduler(40, "n0"), [], set()
    losses = 0
    for worker in range(MAX_LOSSES + 1):
        if worker:
            book.join(worker, f"n{worker}")
        while given := book.hand_out(worker):
            if poison in given:
                losses += 1
                assert losses <= ALONE_AFTER or given == [poison]
                given_up += book.lost(worker)[1]
                break
            for path in given:
                book.done(worker, path)
                seen.add(path)
    assert given_up == [poison]
    assert losses == MAX_LOSSES
    assert seen == set(paths(40)) - {poison}
    assert book.finished()


def test_a_node_that_reads_nothing_gets_no_more_and_its_files_are_read_elsewhere() -> None:
    book = scheduler(30, "bare", "whole")
    given = book.hand_out(0)
    verdicts = [book.out_of_reach(0, path) for path in given]
    assert verdicts.index(True) == MAX_MISSES - 1
    assert verdicts.count(True) == 1
    assert book.benched == {"bare"}
    assert book.hand_out(0) == []
    assert sorted(work_off(book, 1)) == paths(30)
    assert book.finished()


def test_a_file_is_not_given_back_to_the_node_that_could_not_read_it() -> None:
    book = scheduler(1, "a", "b")
    (path,) = book.hand_out(0)
    book.out_of_reach(0, path)
    assert book.hand_out(0) == []
    assert book.stranded() == []
    assert book.hand_out(1) == [path]
    book.out_of_reach(1, path)
    assert book.stranded() == [path]
    assert book.finished()
    assert not book.some_node_reads


@pytest.mark.parametrize("between", [1, 5])
def test_single_misses_do_not_bench_a_node_that_reads(between: int) -> None:
    book = scheduler(60, "a", "b")
    for number in range(30):
        path = book.hand_out(0)[0] if not book.busy(0) else next(iter(book._hands[0].files))
        if number % (between + 1) == 0:
            assert not book.out_of_reach(0, path)
        else:
            book.identified(0, path)
            book.done(0, path)
    assert not book.benched
