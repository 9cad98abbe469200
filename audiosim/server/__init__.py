"""The same answers over HTTP: what `audiosim serve` runs, with FastAPI.

A reader: it keeps the index in memory (`library.py`), holds no lock and no store, and calls the functions
that the commands call. `app.py` puts it together; `guard.py` says who may ask, and how much.
"""
