"""Backups in parts: made by several threads side by side, and loaded so."""
