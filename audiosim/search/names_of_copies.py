"""Names that systems and people give to copies, and to folders where things lie until they are sorted."""

from __future__ import annotations

import os
import re
from functools import cache

from audiosim.core.tag_values import folded

# Each in the languages of Windows, macOS and the Linux desktops that are spoken most.
NEW_FOLDER = (
    "new folder|untitled folder|neuer ordner|ordner ohne titel|unbenannter ordner|nouveau dossier"
    "|dossier sans titre|nueva carpeta|carpeta sin título|nuova cartella|cartella senza nome"
    "|cartella senza titolo|nova pasta|pasta sem título|nieuwe map|naamloze map|ny mapp|namnlös mapp|ny mappe"
    "|uusi kansio|nowy folder|nová složka|новая папка|нова папка"
    "|新しいフォルダー|新建文件夹|新增資料夾|새 폴더"
)
WAITING = "downloads?|incoming|unsorted|unsortiert|to sort|te?mp|trash|papierkorb"
COPY_OF = "copy of|kopie von|kopie van|copie de|copia de|copia di|cópia de|kopi av|kopi af|kopia"
COPY = "copy|kopie|copie|copia|cópia|kopia|kopi|kopio|копия|コピー|副本"
BACKUP = "backups?|back-ups?|sicherung(?:en|skopien?)?|sauvegardes?|copias? de seguridad|резервная копия"


@cache  # not as this is imported: it takes long, and most queries have no copies among their answers
def name_of_copy() -> re.Pattern[str]:
    """What such a name looks like, folded, from its beginning."""
    return re.compile(
        rf"(?:{folded(NEW_FOLDER)})\b"
        rf"|(?:{WAITING})$"
        rf"|(?:{folded(COPY_OF)}) "
        rf"|(?:.*[\W_])?(?:{folded(COPY)})(?: ?\(?\d+\)?)?\)?$"
        rf"|(?:.*[\W\d_])?(?:{folded(BACKUP)})(?:[\W\d_]|$)"
        r"|.*\(\d\)$"
    )


def copy_names(path: bytes) -> int:
    """Count the names of a path, of folders and of the file, that are given to copies.

    Parameters
    ----------
    path : bytes
        A file's path.

    Returns
    -------
    int
        ``b"/m/New Folder (2)/Copy of a.mp3"`` has two.
    """
    parts = os.path.splitext(os.fsdecode(path))[0].split(os.sep)
    return sum(name_of_copy().match(folded(part)) is not None for part in parts)
