"""Reading audio files: identity, tags, decoding, resampling, and the processes that do it."""
