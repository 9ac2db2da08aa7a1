"""The engine for MySQL and MariaDB; the same file names as in `postgresql`."""
