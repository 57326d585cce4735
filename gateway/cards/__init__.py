"""Sheets for technicians: one A4 page a device, in the words of its own operating system.

``card`` computes what a sheet says, ``text`` holds its words in each language, ``sheet`` makes
HTML of it, ``pdf`` prints that.
"""
