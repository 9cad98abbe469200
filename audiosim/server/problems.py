"""Errors as RFC 9457 has them: problem documents, with what failed, why, and what to do."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from audiosim.core.errors import AudiosimError, HomeError, LockedError, StoreError, UsageError, WeightsError
from audiosim.core.text import visible, visible_lines
from audiosim.core.told_commands import at_home
from audiosim.server.inert import Json

MEDIA_TYPE = "application/problem+json"
STATUS: tuple[tuple[type[AudiosimError], int], ...] = (  # the first that fits
    (UsageError, 400),
    (LockedError, 409),
    (HomeError, 503),
    (WeightsError, 503),
    (StoreError, 503),
    (AudiosimError, 422),
)
# Parameters of the package whose names in URLs differ.
NAMES = {"genres": "genre", "artists": "artist", "albums": "album", "years": "year"}
log = logging.getLogger("audiosim.server")


class Problem(BaseModel):
    """Why a request was not answered."""

    title: str = Field(description="What failed.", examples=["No such track"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="Why, as far as it is known.")
    remedy: str = Field(description="What to do about it.")


class ProblemError(HTTPException):
    """A request that is not answered, and why.

    Parameters
    ----------
    status : int
        The HTTP status.
    what, why, remedy : str
        As of `AudiosimError`.
    headers : dict of str to str, optional
        Headers of the answer.
    """

    def __init__(
        self, status: int, what: str, why: str = "", remedy: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, what, headers)
        self.what, self.why, self.remedy = what, why, remedy

    def fields(self) -> dict[str, str | int]:
        """Give what a `Problem` tells."""
        return {
            "title": visible(self.what),
            "status": self.status_code,
            "detail": visible(self.why),
            "remedy": visible_lines(self.remedy),
        }

    def response(self) -> Json:
        """Give the answer."""
        return Json(self.fields(), self.status_code, self.headers and dict(self.headers), MEDIA_TYPE)


def problem_of(error: AudiosimError, home: Path | None = None) -> ProblemError:
    """Make the problem of an error that the package raised, of the home that was given."""
    status = next(code for kind, code in STATUS if isinstance(error, kind))
    headers = {"Retry-After": "5"} if status == 503 else None
    what, why, remedy = (named(text, home) for text in (error.what, error.why, error.remedy))
    return ProblemError(status, what, why, remedy, headers)


def named(text: str, home: Path | None) -> str:
    """Give a message of the package with the parameters that URLs have, and commands for the home at hand."""
    return at_home(_spelled(text), home)


def _spelled(text: str) -> str:
    return re.sub(r"`(\w+)`", lambda match: f"`{NAMES.get(match[1], match[1])}`", text)


def explain_all(app: FastAPI) -> None:
    """Have an application answer with problem documents, whatever goes wrong."""

    @app.exception_handler(HTTPException)
    def told(request: Request, error: HTTPException) -> Json:
        if not isinstance(error, ProblemError):
            headers = dict(error.headers) if error.headers else None
            error = ProblemError(error.status_code, str(error.detail), "", "See /docs.", headers)
        return error.response()

    @app.exception_handler(AudiosimError)
    def failed(request: Request, error: AudiosimError) -> Json:
        return problem_of(error, request.app.state.services.options.home).response()

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, error: RequestValidationError) -> Json:
        why = "; ".join(map(_fault, error.errors()))
        return ProblemError(422, "The request can't be understood", why, "See /docs.").response()

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Json:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return ProblemError(500, "The server met a defect of its own", type(error).__name__).response()


def _fault(fault: dict[str, Any]) -> str:
    place = [str(part) for part in fault["loc"] if part not in ("query", "path", "body", "header")]
    return f"`{'.'.join(place) or 'body'}`: {fault['msg']}"
