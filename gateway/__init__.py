"""Gateway: a department server from one site description."""

__version__ = "0.1.0"
