"""Folders and files that machines make beside those of a user, known by their names.

Recycle bins, old versions, snapshots and thumbnails hold copies of music that no one wants among
answers. Only names that no album has count: a folder may be called Trash, Versions or Recycler.
"""

from __future__ import annotations

import re

# Case does not count. What is written with spaces stands below.
FOLDERS = frozenset(
    # QNAP, Synology and Ugreen
    b"@recycle @recently-snapshot @transcode @__thumb .streams .qsync .qsync_sn"
    b" @eadir #recycle #snapshot @tmp @sharebin @sharesnap @synoresource @synoeastream @synologydrive"
    b" @cloudsync .synologyworkingdirectory"
    # Samba, and NAS of others
    b" .deleted .wdmc .wdphotos"
    # snapshots of NetApp, ZFS, BSD, Ceph, Celerra, Btrfs; GlusterFS
    b" ~snapshot .zfs .snap .snaps .snapdir .ckpt @snapshot @snapshots .btrfs .glusterfs"
    # Resilio, Nextcloud and ownCloud, Dropbox, Google Drive, MEGA, others that sync
    b" .sync .syncarchive .synctrash files_trashbin files_versions .dropbox.cache .tmp.drivedownload"
    b" .tmp.driveupload .debris _gsdata_ _syncapp .insync-trash .seafile-data .rsync-partial .~tmp~"
    b" rdiff-backup-data"
    # macOS, and Netatalk for it
    b" .fseventsd .documentrevisions-v100 .spotlight-v100 .temporaryitems __macosx .mobilebackups"
    b" backups.backupdb .appledouble .appledb .appledesktop thevolumesettingsfolder"
    # Windows, file managers of Linux and Android
    b" $recycle.bin lost+found .thumbnails .thumbcache .dtrash .xvpics .globaltrash .filemanagerrecycler"
    b" .estrongs"
    # versions of sources; git-annex keeps files there
    b" .git .svn .hg .bzr .jj .dvc".split()
) | {b"system volume information", b"network trash folder", b"temporary items", b"plex versions"}
FOLDER_PATTERN = (
    rb"\.trash.*"  # .Trash, .Trash-1000, .Trashes, .trashcan
    rb"|\.recycle.*"  # Samba's, and .Recycle.Bin of Unraid
    rb"|\.snapshot.*"  # NetApp's and Isilon's; .snapshots of snapper
    rb"|\.stfolder.*|\.stversions.*"  # Syncthing
    rb"|\.@.*"  # QNAP: .@__thumb, .@upload_cache
    rb"|@gmt-\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d"  # shadow copies of Samba and Windows
    rb"|s-1-5-\d+(-\d+)*"  # a user's part of RECYCLER, which is an album of ZZ Top, too
    rb"|found\.\d{3}"  # of chkdsk
    rb"|_nas_recycle_.*"  # Thecus
)
FILE_PATTERN = (
    rb"\._.*"  # the other half of a file, as macOS leaves it on foreign disks; Resilio's ._sync_*
    rb"|\.(trashed|pending)-\d+-.*"  # Android's bin, and what it has not written to the end
)


def is_machine_folder(name: bytes) -> bool:
    """Tell by its name whether a folder is one that a machine made."""
    lower = name.lower()
    return lower in FOLDERS or re.fullmatch(FOLDER_PATTERN, lower, re.DOTALL) is not None


def is_machine_file(name: bytes) -> bool:
    """Tell by its name whether a file is one that a machine made."""
    return re.fullmatch(FILE_PATTERN, name.lower(), re.DOTALL) is not None
