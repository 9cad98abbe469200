"""The readers: similar tracks, passages, duplicates, playlists."""
