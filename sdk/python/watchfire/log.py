"""Lines for the operator's log."""

from wit_world.imports import log as _host


def debug(message: str) -> None:
    _host.write(_host.Level.DEBUG, message)


def info(message: str) -> None:
    _host.write(_host.Level.INFO, message)


def warn(message: str) -> None:
    _host.write(_host.Level.WARN, message)


def error(message: str) -> None:
    _host.write(_host.Level.ERROR, message)
