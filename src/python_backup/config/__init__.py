"""The configuration file: found, read whole, every fault reported at once, given as frozen dataclasses."""
