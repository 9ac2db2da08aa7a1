"""Dumps that reach outside their database, told in every spelling that came to mind, and honest ones."""
