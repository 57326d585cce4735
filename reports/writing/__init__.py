"""Reports and their versions."""
