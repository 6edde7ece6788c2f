"""What a run leaves behind: artifacts under their keys, and one record a cell."""

from recbench.store.artifacts import MEASURED, Artifact, content_digest
from recbench.store.files import StoreError
from recbench.store.share import Share
from recbench.store.store import Store

__all__ = ["MEASURED", "Artifact", "Share", "Store", "StoreError", "content_digest"]
