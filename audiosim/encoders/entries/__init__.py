"""The encoders that come with audiosim: a file each, whose `ENTRY` the registry finds.

These files say what is known of an encoder; they import its network and its libraries only when
they are asked to load it, so that listing encoders takes milliseconds.
"""
