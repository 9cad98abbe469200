from __future__ import annotations

from pathlib import Path

import pytest
from fake_encoder import FakeEncoder

from audiosim.core.types import AudioInfo
from audiosim.encoders.pooling import Pooler
from audiosim.indexing.decisions import AudioDecisions
from audiosim.library.cache import Cache
from audiosim.library.catalog import Catalog

INFO = AudioInfo("d1", 3.0, 44_100, 2, "alac", 100, 5)


@pytest.mark.parametrize(("path", "wanted"), [(b"/changed", True), (b"/copy", False)])
def test_audio_that_failed_is_tried_again_where_its_own_file_has_changed(
    tmp_path: Path, path: bytes, wanted: bool
) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        catalog.files.record_failure(b"/changed", 100, 4, "broken", INFO)
        decisions = AudioDecisions(
            catalog, Cache(tmp_path, FakeEncoder().spec), Pooler("mean", 1.0), retry_failed=False
        )
    assert decisions.want(path, INFO) is wanted
