"""The use cases, one a file: back up, restore, verify, list. They return or raise, and never print."""
