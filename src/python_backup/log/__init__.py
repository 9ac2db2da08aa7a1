"""The log: what a run tells for later. Jobs tell events; the command line decides where the lines go."""
