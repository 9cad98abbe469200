"""audiosim finds the tracks in your own music library that sound alike.

For example::

    import audiosim

    print(audiosim.index_folder(["music"]))
    for match in audiosim.find_similar("song.wav", count=5).matches:
        print(match.similarity, match.track.path)

These are functions that the ``audiosim`` command calls. They print nothing and never exit;
errors are `AudiosimError` and its children. Importing this package is cheap: TensorFlow and
Chroma are loaded when they are first needed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
