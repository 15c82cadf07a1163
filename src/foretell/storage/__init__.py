"""Files that are written whole or not at all, content hashes, and the lock on a folder."""
