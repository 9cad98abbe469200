from __future__ import annotations

import pytest

from audiosim.indexing.cluster.scheduler import ALONE_AFTER, MAX_LOSSES, MAX_MISSES, Hand, Scheduler


def paths(count: int) -> list[bytes]:
    return [b"/music/%03d" % number for number in range(count)]


def scheduler(count: int, *nodes: str, jobs: int = 1) -> tuple[Scheduler, list[Hand]]:
    made = Scheduler(paths(count), count=count, jobs=jobs)
    return made, [made.join(node) for node in nodes]


def finish(book: Scheduler, hand: Hand, path: bytes) -> None:
    book.identified(hand, path)
    del hand.files[path]


def work_off(book: Scheduler, *hands: Hand) -> list[bytes]:
    """Has workers do all there is for them; the files in the order they were handed out."""
    seen = []
    while given := [(hand, path) for hand in hands for path in book.hand_out(hand)]:
        for hand, path in given:
            finish(book, hand, path)
            seen.append(path)
    return seen


def test_every_file_is_handed_out_once() -> None:
    book, hands = scheduler(100, "a", "b")
    assert sorted(work_off(book, *hands)) == paths(100)
    assert book.finished


def test_a_worker_has_a_bounded_number_of_files_and_nothing_is_drawn_ahead() -> None:
    drawn = []
    book = Scheduler((drawn.append(path) or path for path in paths(1000)), count=1000, jobs=2)  # type: ignore[func-returns-value]
    hand = book.join("a")
    assert drawn == []
    given = book.hand_out(hand)
    assert len(given) == len(drawn) == 8
    assert book.hand_out(hand) == []
    finish(book, hand, given[0])
    assert len(book.hand_out(hand)) == 1


def test_the_last_files_are_shared() -> None:
    book, (a, b) = scheduler(6, "a", "b")
    assert [len(book.hand_out(a)), len(book.hand_out(b))] == [3, 2]


def test_a_source_that_ends_early_ends_the_run() -> None:
    book = Scheduler(iter(paths(3)), count=1000, jobs=1)
    assert work_off(book, book.join("a")) == paths(3)
    assert book.finished


def test_what_a_lost_worker_had_goes_to_others_and_nothing_else_does() -> None:
    book, (a, b) = scheduler(20, "a", "b")
    done, *open_ = book.hand_out(a)
    finish(book, a, done)
    assert book.lost(a) == []
    assert book.waiting == open_
    assert sorted(work_off(book, b)) == paths(20)[1:]


def test_a_file_that_takes_its_worker_down_is_given_up_and_no_other_is() -> None:
    poison, given_up, seen = paths(40)[5], [], set()
    book, (hand,) = scheduler(40, "a")
    losses = 0
    while given := book.hand_out(hand):
        if poison in given:
            losses += 1
            assert losses <= ALONE_AFTER or given == [poison]
            given_up += book.lost(hand)
            hand = book.join("a")
            continue
        for path in given:
            finish(book, hand, path)
            seen.add(path)
    assert given_up == [poison]
    assert losses == MAX_LOSSES
    assert seen == set(paths(40)) - {poison}
    assert book.finished


def test_a_node_that_reads_nothing_gets_no_more_and_its_files_are_read_elsewhere() -> None:
    book, (bare, whole) = scheduler(30, "bare", "whole")
    verdicts = [book.out_of_reach(bare, path) for path in book.hand_out(bare)]
    assert verdicts.index(True) == MAX_MISSES - 1
    assert verdicts.count(True) == 1
    assert book.benched == {"bare"}
    assert book.hand_out(bare) == []
    assert sorted(work_off(book, whole)) == paths(30)
    assert book.finished


def test_a_file_is_not_given_back_to_the_node_that_could_not_read_it() -> None:
    book, (a, b) = scheduler(1, "a", "b")
    (path,) = book.hand_out(a)
    book.out_of_reach(a, path)
    assert book.hand_out(a) == []
    assert book.hand_out(b) == [path]
    book.out_of_reach(b, path)
    assert [book.hand_out(a), book.hand_out(b)] == [[], []]
    assert book.waiting == [path]
    assert not book.some_node_reads


@pytest.mark.parametrize("between", [1, 5])
def test_single_misses_do_not_bench_a_node_that_reads(between: int) -> None:
    book, (a, _) = scheduler(60, "a", "b")
    for number in range(30):
        path = book.hand_out(a)[0] if not a.files else next(iter(a.files))
        if number % (between + 1) == 0:
            assert not book.out_of_reach(a, path)
        else:
            finish(book, a, path)
    assert not book.benched
