"""``python -m python_backup`` is ``vya-backupdb``."""

from python_backup.cli.app import main

if __name__ == "__main__":
    main()
