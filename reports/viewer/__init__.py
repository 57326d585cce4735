"""The frames of a study, to look at."""
