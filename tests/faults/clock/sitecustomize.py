"""Another clock for a whole process: ``FAULTS_CLOCK`` holds the times that are told one after the other."""

import datetime as dt
import os

_told = os.environ["FAULTS_CLOCK"].split()


class _Moved(dt.datetime):
    @classmethod
    def now(cls, tz=None):
        told = _told[0] if len(_told) == 1 else _told.pop(0)
        moment = cls.fromisoformat(told)
        return moment.astimezone(tz) if tz is not None else moment.replace(tzinfo=None)


_Moved.__name__ = _Moved.__qualname__ = "datetime"
dt.datetime = _Moved
