"""Pure code that understands dump text: what is data, what is a statement, what is unsafe.

Nothing here does I/O or knows a server. `piece` defines what the lexers yield, `facts` counts and
digests it, `changes` lists what a restore alters; each engine's folder holds its own lexer,
objects, rewriting and safety rules under the same file names.
"""
