"""Bytes, no databases: the pipeline, meters, codecs, child processes and published files."""
