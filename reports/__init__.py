"""The report site: runs on the box with Debian 13's Django, and imports nothing of the rest."""
