"""Imported by every Python process of a server that starts further ones: each dies with its parent."""

from guard import die_with_parent

die_with_parent()
