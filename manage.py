#!/usr/bin/env python
"""Commands of the service: start, login-link, openapi, and Django's own."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
    execute_from_command_line(sys.argv)
