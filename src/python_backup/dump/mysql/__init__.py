"""mysqldump, mariadb-dump and other MySQL dump text: lexer, objects, rewriting and safety rules."""
