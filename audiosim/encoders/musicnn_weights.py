"""MusiCNN's weights: taken from the musicnn package on PyPI, which is never imported or run."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from audiosim.core.errors import NoWeightsError, WeightsError
from audiosim.core.files import hold, replacing

if TYPE_CHECKING:
    from audiosim.encoders.musicnn import Variant

REQUIREMENT = "musicnn==0.1.0"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
MODELS: dict[Variant, str] = {"msd": "MSD_musicnn", "mtt": "MTT_musicnn"}  # their folders in the package
FILES_SHA256: dict[Variant, dict[str, str]] = {  # suffix of the checkpoint's files: digest
    "msd": {
        "index": "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
        "data-00000-of-00001": "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    },
    "mtt": {
        "index": "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
        "data-00000-of-00001": "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    },
}
FETCH_LIMIT = 600.0  # s for the installer
FETCH_WAIT = 600.0  # s for another process to finish fetching


def find_musicnn(folder: Path, variant: Variant = "msd", *, read_only: bool = False) -> Path:
    """Find the checkpoint in the weights folder; put it there first if need be, unless `read_only`.

    It is looked for in the folder, in an installed musicnn package, then on the package index.

    Parameters
    ----------
    folder : Path
        The weights folder, there or not.
    variant : {"msd", "mtt"}
        The one trained on the Million Song Dataset, or on MagnaTagATune.
    read_only : bool
        Whether nothing is put into it.

    Returns
    -------
    Path
        The checkpoint's prefix, as TensorFlow wants it.

    Raises
    ------
    WeightsError
        If it can't be had, or a file is not the published one.
    """
    prefix = _prefix(folder, variant)
    if not _complete(prefix):
        if read_only:
            raise NoWeightsError(
                f"MusiCNN's weights are not in {folder}",
                "nothing is fetched for a look",
                f"Fetch them first: audiosim encoders fetch musicnn --variant {variant}",
            )
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with hold(folder / "fetch.lock", wait=FETCH_WAIT, what="fetching weights"):
            if not _complete(prefix):
                _provide(prefix, variant)
    for path in files(prefix):
        check_file(path, variant)
    return prefix


def kept_musicnn(folder: Path, variant: Variant) -> Path | None:
    """Give the checkpoint's prefix, if it is in the weights folder."""
    prefix = _prefix(folder, variant)
    return prefix if _complete(prefix) else None


def files(prefix: Path) -> list[Path]:
    """List the files of a checkpoint."""
    return [_file(prefix, suffix) for suffix in FILES_SHA256["msd"]]


def check_file(path: Path, variant: Variant) -> bytes:
    """Read a file of the checkpoint.

    Raises
    ------
    WeightsError
        If it is not the published one.
    """
    expected = FILES_SHA256[variant][path.name.partition(".")[2]]
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != expected:
        raise WeightsError(
            f"{path} is not the published file",
            f"its SHA-256 is not {expected}",
            "Remove it: it is fetched again when it is needed.",
        )
    return data


def _prefix(folder: Path, variant: Variant) -> Path:
    return folder / "musicnn-0.1.0" / MODELS[variant]


def _complete(prefix: Path) -> bool:
    return all(path.is_file() for path in files(prefix))


def _file(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(f"{prefix.name}.{suffix}")


def _provide(prefix: Path, variant: Variant) -> None:
    installed = _installed(variant)
    if installed is not None:
        _keep(installed, prefix, variant)
        return
    with tempfile.TemporaryDirectory() as scratch:
        _keep(_from_package_index(Path(scratch), variant), prefix, variant)


def _installed(variant: Variant) -> Path | None:
    spec = importlib.util.find_spec("musicnn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        model = Path(folder) / MODELS[variant]
        if all((model / f".{suffix}").is_file() for suffix in FILES_SHA256[variant]):
            return model
    return None


def _keep(model: Path, prefix: Path, variant: Variant) -> None:
    """Copies the checkpoint out of the package's folder, each file checked."""
    for suffix in FILES_SHA256[variant]:
        data = check_file(model / f".{suffix}", variant)
        with replacing(_file(prefix, suffix)) as file:
            file.write(data)


def _from_package_index(scratch: Path, variant: Variant) -> Path:
    """The model's folder out of the wheel, fetched by pip, or uv where there is no pip."""
    model = f"musicnn/{MODELS[variant]}"
    if importlib.util.find_spec("pip"):
        wheel = _pip_download(scratch)
        with zipfile.ZipFile(wheel) as archive:
            for suffix in FILES_SHA256[variant]:
                archive.extract(f"{model}/.{suffix}", scratch)
    elif uv := shutil.which("uv"):
        _run([uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable,
              "--target", str(scratch), REQUIREMENT])  # fmt: skip
    else:
        raise WeightsError(
            "MusiCNN's weights can't be fetched",
            "neither pip nor uv is there",
            f"Install one of them, or the package: {REQUIREMENT}, without its dependencies.",
        )
    return scratch / model


def _pip_download(scratch: Path) -> Path:
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
          "--no-deps", "--only-binary=:all:", "--retries", "1", "--timeout", "10",
          "--dest", str(scratch), REQUIREMENT])  # fmt: skip
    wheels = list(scratch.glob("musicnn-*.whl"))
    if len(wheels) != 1 or hashlib.sha256(wheels[0].read_bytes()).hexdigest() != WHEEL_SHA256:
        raise WeightsError(
            "The package index gave another musicnn than expected", f"its SHA-256 is not {WHEEL_SHA256}"
        )
    return wheels[0]


def _run(command: list[str]) -> None:
    remedy = (
        f"Check that '{' '.join(command[:3])}' reaches its package index, or install the package "
        f"by hand, without its dependencies: pip install --no-deps {REQUIREMENT}"
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            "MusiCNN's weights can't be fetched", f"no answer in {FETCH_LIMIT:g} s", remedy
        ) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and "WARNING" not in line]
        raise WeightsError("MusiCNN's weights can't be fetched", lines[-1] if lines else "pip failed", remedy)
