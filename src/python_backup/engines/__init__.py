"""The database servers: `engine` says what each must do, `ENGINES` in `table` lists them."""
