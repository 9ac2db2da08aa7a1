"""Pure decisions; what time it is comes in as an argument."""
