"""What it takes to reproduce the paper: the authors' recorded replies, and the tables row by row."""

from alref_local.reproduce.replies import Imported, import_replies

__all__ = ["Imported", "import_replies"]
