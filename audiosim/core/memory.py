"""Libraries that end the whole process where they get too little memory: they are not even loaded then."""

from __future__ import annotations

from audiosim.core.errors import AudiosimError

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]


def check_address_space(library: str, needed: float) -> None:
    """See that this process may have as much address space as a library takes.

    Parameters
    ----------
    library : str
        Its name.
    needed : float
        Bytes, with all that is loaded beside it.

    Raises
    ------
    AudiosimError
        If less is allowed (``ulimit -v``).
    """
    if resource is None:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise AudiosimError(
            f"{library} can't be loaded",
            f"it needs {needed / 1e9:g} GB of address space, and {limit / 1e9:.2g} GB are allowed",
            "Raise the limit: ulimit -v unlimited.",
        )
