"""Frames as people see them: PNG and animated GIF, with stated windows and palettes."""
