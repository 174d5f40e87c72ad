"""The command line: commands.py reads arguments, folders.py is files on disk, each other file one command."""
