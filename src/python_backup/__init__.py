"""vya-backupdb: backups of MySQL, MariaDB and PostgreSQL that are proven to restore."""

__version__ = "0.1.0"
