"""An index as a file: written from one home, read into others."""

from __future__ import annotations

from audiosim.indexing.exchange.exporting import Exported, export_index
from audiosim.indexing.exchange.importing import Imported, import_index

__all__ = ["Exported", "Imported", "export_index", "import_index"]
