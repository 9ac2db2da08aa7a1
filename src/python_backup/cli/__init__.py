"""The command line: one file a command; `render` alone prints, `app` alone catches errors."""
