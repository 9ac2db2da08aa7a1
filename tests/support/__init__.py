"""What tests share: real servers started for the run, and databases on them."""
