"""The process of a server's jobs, with the encoder of the tests."""

from __future__ import annotations

from fake_encoder import FakeEncoder

from audiosim.server import job_process


def main() -> None:
    job_process.main(FakeEncoder())
