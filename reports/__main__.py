"""``python3 -m reports COMMAND``: Django's commands and our own."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reports.settings")
if __name__ == "__main__":
    execute_from_command_line(["reports", *sys.argv[1:]])
