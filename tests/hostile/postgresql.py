from hostile.hostile import Hostile
HOSTILE: tuple[Hostile, ...] = ()
HONEST: tuple[Hostile, ...] = ()
