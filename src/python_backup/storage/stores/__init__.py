"""Stores: where backups lie that are not on this machine, told by a URL."""
