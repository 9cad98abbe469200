from __future__ import annotations

from pathlib import Path

import pytest

from audiosim.core import files
from audiosim.core.errors import HomeError
from audiosim.core.files import file_system, refuse_network

MOUNTED = [("/", "ext4"), ("/mnt/share", "nfs4"), ("/mnt/share/disk", "xfs"), ("/mnt/sha", "cifs")]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/deep/down", "nfs4"),
        ("/mnt/share/disk/home", "xfs"),
        ("/mnt/shared", "ext4"),
    ],
)
def test_the_innermost_mount_counts(folder: str, kind: str) -> None:
    assert file_system(Path(folder), MOUNTED) == kind


def test_nothing_is_known_of_a_folder_that_no_mount_holds() -> None:
    assert file_system(Path("/elsewhere"), MOUNTED[1:]) is None


def test_a_home_on_a_share_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_network(tmp_path)
    monkeypatch.setattr(files, "_mounted", lambda: [(str(tmp_path.resolve()), "cifs")])
    with pytest.raises(HomeError, match="network share"):
        refuse_network(tmp_path / "home")
