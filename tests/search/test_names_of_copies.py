"""Names of copies, as systems and people give them."""

from __future__ import annotations

import os

import pytest

from audiosim.search.names_of_copies import copy_names


@pytest.mark.parametrize(
    "name",
    [
        *("New Folder", "New folder (2)", "untitled folder 3", "Neuer Ordner", "NOUVEAU DOSSIER"),
        *("Новая папка", "Carpeta sin titulo", "新しいフォルダー", "downloads", "tmp", "Unsorted"),
        *("Copy of Album", "Kopie von Album", "Album - Copy", "Album - Copy (2)", "Album copy 2"),
        *("Album Kopie", "Album (copy)", "Album (another copy)", "Album (1)", "song_copy"),
        *("Cópia de Álbum", "Kopia album"),
        *("backup", "Backups", "music-backup", "backup_2019", "My Backup (old)", "Sicherung 2012"),
    ],
)  # fmt: skip
def test_names_of_copies_are_known_as_folders_and_as_files(name: str) -> None:
    assert copy_names(os.fsencode(f"/m/{name}/01 Song.mp3")) == 1
    assert copy_names(os.fsencode(f"/m/Album/{name}.mp3")) == 1
    assert copy_names(os.fsencode(f"/m/{name}/{name}.mp3")) == 2


@pytest.mark.parametrize(
    "name",
    [
        *("Album", "New Folders of Mine", "The Copycats", "Photocopy", "Kopiert", "1999 (2003)"),
        *("Download to Me", "Backupper", "Temporary", "Tmpo", "Album (Deluxe)"),
        *("Greatest Hits 2", "Newfolder"),
    ],
)  # fmt: skip
def test_other_names_are_not(name: str) -> None:
    assert copy_names(os.fsencode(f"/m/{name}/{name}.mp3")) == 0


def test_bytes_that_are_no_text_are_names_like_others() -> None:
    assert copy_names(b"/m/\xff\xfe/Copy of \xe9.mp3") == 1
