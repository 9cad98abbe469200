"""How many searches of a server compare tracks at a time."""

from __future__ import annotations

import threading

import pytest
from libraries import Library, track
from server_help import library, original

from audiosim.search.similar import find_similar
from audiosim.server.library import MANY, TURNS, Turns
from audiosim.server.library import Library as Served

LIMIT = 30.0  # s


def test_as_many_threads_as_there_are_turns_are_let_in_and_each_in_the_end() -> None:
    turns, inside, most, done = Turns(2), set[int](), list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(50):
            with turns:
                inside.add(number)
                most.append(len(inside))
                inside.discard(number)
        done.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert max(most) <= 2
    assert sorted(done) == [*range(8)]


@pytest.mark.parametrize(("many", "turns"), [(MANY, 1), (1, TURNS)])
def test_searches_wait_for_their_turn_and_give_it_back(
    library: Library, monkeypatch: pytest.MonkeyPatch, many: int, turns: int
) -> None:
    monkeypatch.setattr("audiosim.server.library.MANY", many)
    served, answers = Served(library.home.path), list[int]()

    def ask() -> None:
        with served.index() as index:
            answers.append(len(find_similar(track(library, 0), count=3, home=index).matches))

    ask()
    with served.index() as index:
        turn = index.turn
    for _ in range(turns):
        turn.__enter__()
    threads = [threading.Thread(target=ask) for _ in range(2 * TURNS)]
    for thread in threads:
        thread.start()
    threads[0].join(0.3)
    assert len(answers) == 1
    turn.__exit__(None, None, None)
    for thread in threads:
        thread.join(LIMIT)
    assert answers == [3] * (1 + 2 * TURNS)
