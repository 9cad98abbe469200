"""What becomes of a job as it is told of, and as it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from audiosim.core.errors import HomeError
from audiosim.server.job_book import KEPT, JobBook
from audiosim.server.jobs import (
    Job,
    Progress,
    Subject,
    advanced,
    ended,
    job_from_json,
    job_to_json,
    next_jobs,
    queued_again,
    request_of,
)

FILES = (Subject(b"/u/a.wav", "a"), Subject(b"/u/\xff.wav", "b"), Subject(b"/m/c.wav", "c", "known"))
ADD = Job("a", "add", FILES)
PROGRESS = {
    "share": 0.5, "done": 1, "total": 2, "audio_seconds": 1.0, "audio_total": 2.0, "seconds_left": None,
}  # fmt: skip


def test_jobs_alike_that_follow_each_other_are_done_in_one_go() -> None:
    kinds = ["add", "add", "forget", "add", "rescan", "rescan"]
    jobs = [Job(str(number), kind) for number, kind in enumerate(kinds)]  # type: ignore[arg-type]
    jobs.insert(0, Job("x", "rescan", state="done"))
    order = []
    while batch := next_jobs(jobs):
        order.append([job.id for job in batch])
        jobs = [replace(job, state="failed") if job in batch else job for job in jobs]
    assert order == [["0", "1"], ["2"], ["3"], ["4"], ["5"]]


def test_a_request_names_what_is_left_to_be_done() -> None:
    found = request_of([ADD, Job("b", "add", (Subject(b"/u/d.wav", "d", removes=True),))])
    assert [(bytes.fromhex(path), removes) for path, removes in found["files"]] == [
        (b"/u/a.wav", False), (b"/u/\xff.wav", False), (b"/u/d.wav", True),
    ]  # fmt: skip


def test_messages_say_how_far_it_is_and_what_became_of_its_files() -> None:
    job = advanced(replace(ADD, state="running"), {"waits": True})
    assert (job.state, job.progress.at) == ("waiting", "It waits for another run")
    job = advanced(job, {"at": "Looking for files"})
    assert (job.state, job.progress.at) == ("running", "Looking for files")
    job = advanced(job, {"progress": PROGRESS})
    assert job.progress == Progress("", 0.5, 1, 2, 1.0, 2.0)
    job = advanced(job, {"failed": [b"/u/\xff.wav".hex(), "damaged"]})
    job = advanced(job, {"note": "A note."})
    job = advanced(job, {"counts": {"indexed": 1}})
    states = [(b"/u/a.wav".hex(), "indexed", ""), (b"/u/\xff.wav".hex(), "failed", "damaged")]
    job = advanced(job, {"files": [*states, (b"/m/c.wav".hex(), "failed", "not this one's")]})
    assert [(file.state, file.reason) for file in job.files] == [
        ("indexed", ""), ("failed", "damaged"), ("known", ""),
    ]  # fmt: skip
    assert job.failures == ((b"/u/\xff.wav", "damaged"),)
    job = ended(job, well=True)
    assert (job.state, job.progress.share, job.error) == ("done", 1.0, ())
    assert job.version > ADD.version


def test_an_end_before_its_time_is_an_error_that_says_how_to_go_on() -> None:
    job = ended(advanced(ADD, {"progress": PROGRESS}), well=False)
    assert (job.state, job.progress.share, job.error[0]) == ("failed", 0.5, "The run's process ended")
    told = ended(advanced(ADD, {"error": ["A", "b", "c"]}), well=True)
    assert (told.state, told.error) == ("failed", ("A", "b", "c"))


def test_a_job_is_kept_and_one_that_was_lost_begins_again(tmp_path: Path) -> None:
    book = JobBook(tmp_path / "jobs.json")
    assert book.read() == []
    job = advanced(replace(ADD, state="running", roots=(b"/\xfe",)), {"failed": [b"/x".hex(), "why"]})
    assert book.write([job]) == [job]
    (kept,) = book.read()
    assert kept == replace(job, progress=Progress())
    again = queued_again(kept)
    assert (again.state, again.failures, again.files) == ("queued", (), FILES)
    assert job_from_json({**job_to_json(job), "of a later version": 1}).id == "a"


def test_the_last_jobs_that_are_over_are_kept_and_all_that_are_not(tmp_path: Path) -> None:
    book = JobBook(tmp_path / "jobs.json")
    jobs = [Job(str(n), "rescan", state="queued" if n == 3 else "done") for n in range(KEPT + 9)]
    kept = book.write(jobs)
    assert kept == book.read()
    assert [job.id for job in kept] == ["3", *(str(n) for n in range(9, KEPT + 9))]


def test_a_file_of_jobs_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    for content in ("", "{}", "[]", json.dumps({"jobs": [{"id": 1}]}), json.dumps({"jobs": [3]})):
        (tmp_path / "jobs.json").write_text(content)
        with pytest.raises(HomeError, match=r"can't be read(.|\n)*Move "):
            JobBook(tmp_path / "jobs.json").read()
