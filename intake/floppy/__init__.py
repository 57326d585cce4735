"""Floppies: imaged whole with a map of what could not be read, decoded from flux, unpacked."""
