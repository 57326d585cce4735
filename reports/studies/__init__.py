"""The reading list, from the archive."""
