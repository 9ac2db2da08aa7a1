"""PostgreSQL 13 and later, through psycopg and pg_dump."""
