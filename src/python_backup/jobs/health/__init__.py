"""What can be said before a backup or restore: of this machine, and of each instance."""
